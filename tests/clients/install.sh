#!/bin/sh
# Installs the pinned clients into the folder $1, by npm as it is configured here; what is there already stays.
set -eu
folder=$1
pins=$(dirname "$0")/pins

command -v npm >/dev/null 2>&1 || {
    echo "npm is needed to install the clients (Node 22 or newer)" >&2
    exit 1
}
missing=
while read -r pin; do
    at="$folder/node_modules/${pin%@*}/package.json"
    grep -qs "\"version\": *\"${pin##*@}\"" "$at" || missing="$missing $pin"
done <"$pins"
[ -n "$missing" ] || exit 0
echo "installing$missing into $folder (about a gigabyte) ..."
mkdir -p "$folder"
# shellcheck disable=SC2086 # one word a pin
npm install --prefix "$folder" --no-package-lock --no-audit --no-fund --loglevel error $missing
