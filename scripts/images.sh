#!/usr/bin/env bash
# A table of scores, as in docs/images.md: each config is trained on TRAIN, makes as many images as TEST has, at most
# 10,000, and is evaluated against both.
#
#   scripts/images.sh TRAIN TEST [CONFIG]...      CONFIG: vae gan flow (the default: these three)
#   scripts/images.sh mnist/train mnist/t10k
#
# VERISIM names a built program, OUT a folder for the runs [default: runs/images]. A run takes a quarter of an hour on two
# cores; leave the machine alone meanwhile, or the minutes mean little.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/report.sh"
[[ $# -ge 2 ]] || { sed -n '2,10s/^# \{0,1\}//p' "$0" >&2; exit 2; }
train="$1" test="$2"
shift 2
[[ $# -gt 0 ]] || set -- vae gan flow
out="${OUT:-runs/images}"
build
mkdir -p "$out"
"$VERISIM" inspect "$test" --json >"$out/test.json"
count="$(field "$out/test.json" images)"
(( count <= 10000 )) || count=10000

# row FILE KEY: the scores under KEY (value or floor) of a report.
row() {
    local prdc=prdc accuracy=synthetic
    [[ "$2" == value ]] || prdc=prdc_floor accuracy=real
    printf '%s | %s | %s | %s | %s' \
        "$(cell %.2f x "$(field "$1" "scores.fid.$2")")" \
        "$(cell %.2f x "$(field "$1" "scores.$prdc.precision")")" \
        "$(cell %.2f x "$(field "$1" "scores.$prdc.recall")")" \
        "$(cell %.2f x "$(field "$1" "scores.$prdc.coverage")")" \
        "$(cell %.2f 100*x "$(field "$1" "accuracy.$accuracy")")"
}

echo "| model | FID | precision | recall | coverage | accuracy % | closer to training % | fit min wall / CPU | images/s |"
echo "|---|---:|---:|---:|---:|---:|---:|---:|---:|"
TIMEFORMAT='%R %U %S'
for config in "$@"; do
    run="$out/$config"
    { time "$VERISIM" --quiet train "$CONFIGS/$config.toml" --set "data.path=$train" --out "$run" 2>&3; } 3>&2 2>"$out/time"
    read -r wall user system <"$out/time"
    "$VERISIM" --quiet sample "$run" -n "$count" -o "$run/synthetic.npz" --json >"$out/sample.json"
    "$VERISIM" --quiet sample "$run" --grid "$run/grid.png"
    seconds="$(sed -E 's/.*"seconds":([0-9.eE+-]+).*/\1/' "$out/sample.json")"
    "$VERISIM" --quiet evaluate --real "$train" --synthetic "$run/synthetic.npz" --holdout "$test" \
        --json "$run/report.json" --html "$run/report.html" >"$run/report.txt"
    minutes="$(awk -v w="$wall" -v u="$user" -v s="$system" 'BEGIN { printf "%.1f / %.1f", w / 60, (u + s) / 60 }')"
    rate="$(awk -v n="$count" -v s="$seconds" 'BEGIN { printf "%.0f", n / s }')"
    closer="$(cell %.1f 100*x "$(field "$run/report.json" copying.closer.value)")"
    echo "| $config | $(row "$run/report.json" value) | $closer | $minutes | $rate |"
    last="$run/report.json"
done
echo "| *real hold-out images* | $(row "$last" floor) | 50.0 | | |"
