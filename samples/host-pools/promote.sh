#!/bin/sh
# Lets an image version count as the latest one of its definition, or takes it back: sh promote.sh <image version id> [true]
set -eu
exclude=${2:-false}
part() {
  echo "$id" | cut -d / -f "$1"
}
id=$1
az sig image-version update --subscription "$(part 3)" --resource-group "$(part 5)" --gallery-name "$(part 9)" \
  --gallery-image-definition "$(part 11)" --gallery-image-version "$(part 13)" \
  --set "publishingProfile.excludeFromLatest=$exclude"
