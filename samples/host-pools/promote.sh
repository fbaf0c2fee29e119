#!/bin/sh
# Includes an image version in "latest", or excludes it again with true: sh promote.sh <image version id> [true [option...]]
set -eu
id=$1
exclude=${2:-false}
shift
[ $# -eq 0 ] || shift
part() {
  echo "$id" | cut -d / -f "$1"
}
az sig image-version update --subscription "$(part 3)" --resource-group "$(part 5)" --gallery-name "$(part 9)" \
  --gallery-image-definition "$(part 11)" --gallery-image-version "$(part 13)" \
  --set "publishingProfile.excludeFromLatest=$exclude" "$@"
