# Sourced by the other scripts: the program, and the numbers of its JSON reports as cells of a markdown table.

export LC_ALL=C    # decimal points, whatever the locale

# Builds the program unless $VERISIM names one, and sets $VERISIM.
build() {
    local root
    root="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
    if [[ -z "${VERISIM:-}" ]]; then
        cargo build --release --quiet --manifest-path "$root/Cargo.toml" -p verisim-cli
        VERISIM="${CARGO_TARGET_DIR:-$root/target}/release/verisim"
    fi
    CONFIGS="$root/configs"
}

# field FILE a.b.c: the value at that path of indented JSON (two blanks a level); nothing when it is not there.
field() {
    awk -v want="$2" '
        match($0, /^ *"[^"]*": /) {
            depth = (index($0, "\"") - 1) / 2
            key[depth] = substr($0, 2 * depth + 2, RLENGTH - 2 * depth - 4)
            path = key[1]
            for (i = 2; i <= depth; i++) path = path "." key[i]
            if (path == want) { value = substr($0, RLENGTH + 1); sub(/,$/, "", value); print value; exit }
        }' "$1"
}

# cell FORMAT EXPRESSION VALUE: the formatted value, with x for the value in the expression; a dash when there is none.
cell() {
    if [[ -z "$3" || "$3" == null ]]; then printf -- '–'; else awk -v x="$3" "BEGIN { printf \"$1\", $2 }"; fi
}

# The header of what `cells` prints.
CELLS="shape error % | trend error % | boosted two-sample AUC | TSTR AUC | closer to training % | exact matches %"

# cells FILE: what a report says of the synthetic rows.
cells() {
    printf '%s | %s | %s | %s | %s | %s' \
        "$(cell %.2f x "$(field "$1" fidelity.shape_error_pct)")" \
        "$(cell %.2f x "$(field "$1" fidelity.trend_error_pct)")" \
        "$(cell %.3f x "$(field "$1" detection.boosted_auc.value)")" \
        "$(cell %.3f x "$(field "$1" utility.trained_on_synthetic.score.value)")" \
        "$(cell %.1f 100*x "$(field "$1" privacy.distance.share_closer_to_train.value)")" \
        "$(cell %.2f 100*x "$(field "$1" privacy.matches.synthetic_in_train.value)")"
}

# ceiling FILE: what the same report says of the hold-out rows, real rows as new as synthetic ones should be.
ceiling() {
    printf '%s | %s | %s | %s | %s | %s' \
        "$(cell %.2f '100*(1-x)' "$(field "$1" fidelity.column_shapes_fresh.value)")" \
        "$(cell %.2f '100*(1-x)' "$(field "$1" fidelity.pair_trends_fresh.value)")" \
        "$(cell %.3f x "$(field "$1" detection.boosted_auc_holdout.value)")" \
        "$(cell %.3f x "$(field "$1" utility.trained_on_real.score.value)")" \
        "50.0" \
        "$(cell %.2f 100*x "$(field "$1" privacy.matches.holdout_in_train.value)")"
}
