#!/usr/bin/env bash
# The trade-off of the tree model between fidelity and privacy, as a markdown table: one row for each value of the
# `privacy` key. The table of docs/privacy.md comes from here.
#
#   scripts/tradeoff.sh TRAIN HOLDOUT TARGET [PRIVACY]...      PRIVACY: 0 to 1 (the default: 0, .25, .5, .75, 1)
#
# VERISIM names a built program, OUT a folder for the runs [default: runs/tradeoff].
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/report.sh"
[[ $# -ge 3 ]] || { sed -n '2,7s/^# \{0,1\}//p' "$0" >&2; exit 2; }
train="$1" holdout="$2" target="$3"
shift 3
[[ $# -gt 0 ]] || set -- 0.0 0.25 0.5 0.75 1.0
out="${OUT:-runs/tradeoff}"
build
mkdir -p "$out"

echo "| privacy | $CELLS |"
echo "|---:|---:|---:|---:|---:|---:|---:|"
for privacy in "$@"; do
    run="$out/$privacy"
    "$VERISIM" --quiet train "$CONFIGS/trees.toml" --set "data.path=$train" --set "model.trees.privacy=$privacy" --out "$run"
    "$VERISIM" inspect "$run" --json >"$out/header.json"
    "$VERISIM" --quiet sample "$run" -n "$(field "$out/header.json" provenance.rows)" -o "$run/synthetic.csv"
    "$VERISIM" --quiet evaluate --real "$train" --synthetic "$run/synthetic.csv" --holdout "$holdout" --target "$target" \
        --json "$run/report.json" >"$run/report.txt"
    echo "| $privacy | $(cells "$run/report.json") |"
    last="$run/report.json"
done
echo "| *real hold-out rows* | $(ceiling "$last") |"
