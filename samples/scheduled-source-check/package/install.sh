#!/bin/sh
# A change in this folder causes a build; a change in what this script downloads does not.
set -eu
export DEBIAN_FRONTEND=noninteractive
apt-get update
apt-get upgrade --yes
