#!/usr/bin/env bash
# The rows of the README's table of models: each config is trained on TRAIN, samples as many rows and is
# evaluated against TEST.
#
#   scripts/scores.sh TRAIN TEST TARGET [CONFIG]...      CONFIG: trees boost copula tokens tvae ctgan (the default: these six)
#
# VERISIM names a built program, OUT a folder for the runs [default: runs/scores]. A run takes minutes; leave the
# machine alone meanwhile, or the seconds mean little.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/report.sh"
[[ $# -ge 3 ]] || { sed -n '2,9s/^# \{0,1\}//p' "$0" >&2; exit 2; }
train="$1" test="$2" target="$3"
shift 3
[[ $# -gt 0 ]] || set -- trees boost copula tokens tvae ctgan
out="${OUT:-runs/scores}"
build
mkdir -p "$out"

echo "| model | $CELLS | fit s wall / CPU | sampling rows/s |"
echo "|---|---:|---:|---:|---:|---:|---:|---:|---:|"
TIMEFORMAT='%R %U %S'
for config in "$@"; do
    run="$out/$config"
    { time "$VERISIM" --quiet train "$CONFIGS/$config.toml" --set "data.path=$train" --out "$run" 2>&3; } 3>&2 2>"$out/time"
    read -r wall user system <"$out/time"
    "$VERISIM" inspect "$run" --json >"$out/header.json"
    rows="$(field "$out/header.json" provenance.rows)"
    "$VERISIM" --quiet sample "$run" -n "$rows" -o "$run/synthetic.csv" --json >"$out/sample.json"
    seconds="$(sed -E 's/.*"seconds":([0-9.eE+-]+).*/\1/' "$out/sample.json")"
    "$VERISIM" --quiet evaluate --real "$train" --synthetic "$run/synthetic.csv" --holdout "$test" --target "$target" \
        --json "$run/report.json" >"$run/report.txt"
    cpu="$(awk -v u="$user" -v s="$system" 'BEGIN { printf "%.1f", u + s }')"
    rate="$(awk -v n="$rows" -v s="$seconds" 'BEGIN { printf "%.0f", n / s }')"
    echo "| $config | $(cells "$run/report.json") | $(cell %.1f x "$wall") / $cpu | $rate |"
    last="$run/report.json"
done
echo "| *real hold-out rows* | $(ceiling "$last") | | |"
