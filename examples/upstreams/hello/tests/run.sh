#!/bin/sh
# Greets in every language and compares. Ends with 1 when any test fails.
set -u
cd "$(dirname "$0")/.."

passed=0
failed=0
check() {
  if [ "$2" = "$3" ]; then
    echo "ok      $1"
    passed=$((passed + 1))
  else
    echo "FAILED  $1: expected '$2', got '$3'"
    failed=$((failed + 1))
  fi
}

for file in po/*.txt; do
  language=$(basename "$file" .txt)
  check "greets in $language" "$(sed 's/NAME/Ada/' "$file")" "$(build/hello --lang "$language" Ada)"
  sleep 0.1
done
check 'greets the world by default' 'Hello, world!' "$(build/hello)"
check 'knows its version' "hello $(cat VERSION)" "$(build/hello --version)"
check 'refuses an unknown language' 1 "$(build/hello --lang xx >/dev/null 2>&1; echo $?)"

echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
