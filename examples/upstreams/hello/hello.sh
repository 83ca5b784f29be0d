#!/bin/sh
# hello @VERSION@: greets people in their language. The greetings are the comments at the end of this file.
set -eu

language=en
while [ $# -gt 0 ]; do
  case $1 in
    --version) echo "hello @VERSION@"; exit 0 ;;
    --lang) language=${2:?hello: --lang needs a language}; shift 2 ;;
    -*) echo "hello: unknown option $1" >&2; exit 2 ;;
    *) break ;;
  esac
done

greeting=$(sed -n "s/^# $language	//p" "$0")
if [ -z "$greeting" ]; then
  echo "hello: no greeting in '$language'" >&2
  exit 1
fi
echo "$greeting" | sed "s/NAME/${1:-world}/"
exit 0

