#!/bin/sh
# Puts build/hello together: the program, its version, and the greetings of po/ as one table.
set -eu
cd "$(dirname "$0")"

version=$(cat VERSION)
total=$(ls po/*.txt | wc -l)
done=0
mkdir -p build
: > build/greetings

for file in po/*.txt; do
  language=$(basename "$file" .txt)
  greeting=$(cat "$file")
  case $greeting in
    *NAME*) ;;
    *) echo "$file:1:1: error: the greeting has no NAME in it" >&2; exit 1 ;;
  esac
  printf '%s\t%s\n' "$language" "$greeting" >> build/greetings
  echo "  translate  $file"
  # A real build has something to compile here. This one takes a breath, so that there is something to watch.
  sleep 0.25
  done=$((done + 1))
  # Kiln reads such lines and moves the progress bar within the phase.
  echo "::kiln progress $((done * 100 / total)) translating, $done of $total"
done

sed "s/@VERSION@/$version/" hello.sh > build/hello
sed 's/^/# /' build/greetings >> build/hello
chmod 755 build/hello
echo "  program    build/hello $version"
