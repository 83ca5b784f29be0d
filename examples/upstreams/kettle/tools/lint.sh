#!/bin/sh
# Checks the sources without a compiler: every kettle_… function that is called must be declared in the header, and lines
# should have at most 100 columns. Prints what compilers print, and ends with 1 when there is an error.
set -eu
cd "$(dirname "$0")/.."

set -- include/kettle.h src/*.c
echo "checking $# files"
errors=0
for file; do
  sleep 0.4
  echo "  lint  $file"
  awk -v file="$file" '
    NR == FNR { while (match($0, /kettle_[a-z]+/)) { known[substr($0, RSTART, RLENGTH)] = 1; $0 = substr($0, RSTART + RLENGTH) } next }
    length($0) > 100 { printf "%s:%d:101: warning: line has %d columns [-Wlong-line]\n", file, FNR, length($0) }
    {
      text = $0
      sub(/\/\*.*\*\//, "", text)
      if (match(text, /kettle_[a-z]+\(/)) {
        name = substr(text, RSTART, RLENGTH - 1)
        if (!(name in known)) {
          printf "%s:%d:%d: error: call to undeclared function '\''%s'\''\n", file, FNR, RSTART, name
          printf "%5d | %s\n", FNR, $0
          printf "      | %*s^\n", RSTART - 1, ""
          bad = 1
        }
      }
    }
    END { exit bad }
  ' include/kettle.h "$file" || errors=$((errors + 1))
done
if [ "$errors" -gt 0 ]; then
  echo "$errors of $# files have errors" >&2
  exit 1
fi
echo "all files are fine"
