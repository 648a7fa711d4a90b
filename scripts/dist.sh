#!/usr/bin/env bash
# An archive to hand out: the program, its licences, the README and the configs, with the SHA-256 beside it.
#
#   scripts/dist.sh [FOLDER] [TARGET]
#
# Writes FOLDER/verisim-<version>-<target>.tar.gz (FOLDER is `dist` when not given) and the same name with `.sha256`. TARGET is a
# target of rustc; this machine's when not given. These are the names that `cargo binstall verisim-cli` looks for.
#
# VERISIM_PROFILE   the profile to build with, `dist` when not set
# VERISIM_FEATURES  features of the program, such as `vulkan`
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

folder="${1:-dist}"
host="$(rustc -vV | sed -n 's/^host: //p')"
target="${2:-$host}"
profile="${VERISIM_PROFILE:-dist}"
version="$(cargo pkgid -p verisim-cli | sed 's/.*[#@]//')"
name="verisim-$version-$target"

build=(cargo build --locked --profile "$profile" -p verisim-cli)
if [[ -n "${VERISIM_FEATURES:-}" ]]; then build+=(--features "$VERISIM_FEATURES"); fi
built="$(cargo metadata --format-version 1 --no-deps | sed 's/.*"target_directory":"\([^"]*\)".*/\1/')"
# Without `--target` cargo takes what a build for this machine has compiled already.
if [[ "$target" != "$host" ]]; then
    build+=(--target "$target")
    built+="/$target"
fi
"${build[@]}"
program=verisim
if [[ "$target" == *windows* ]]; then program=verisim.exe; fi

stage="$(mktemp -d)"
trap 'rm -rf "$stage"' EXIT
mkdir -p "$stage/$name" "$folder"
cp "$built/$profile/$program" LICENSE-APACHE LICENSE-MIT README.md CHANGELOG.md \
    crates/verisim-augment/src/text/words/WORDNET-LICENSE "$stage/$name/"
cp -R configs "$stage/$name/"
tar -C "$stage" -czf "$stage/$name.tar.gz" "$name"

# The sum names the file alone, so that `sha256sum -c` works where both were downloaded to.
sum() { if command -v sha256sum >/dev/null; then sha256sum "$@"; else shasum -a 256 "$@"; fi; }
(cd "$stage" && sum "$name.tar.gz" >"$name.tar.gz.sha256")
mv "$stage/$name.tar.gz" "$stage/$name.tar.gz.sha256" "$folder/"
echo "$folder/$name.tar.gz"
