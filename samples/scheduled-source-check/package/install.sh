#!/bin/sh
# What is in this folder counts as a change; what this script downloads does not.
set -eu
export DEBIAN_FRONTEND=noninteractive
apt-get update
apt-get upgrade --yes
