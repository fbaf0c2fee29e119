#!/bin/sh
# What every Linux image has in common.
set -eu
export DEBIAN_FRONTEND=noninteractive
apt-get update
apt-get upgrade --yes
apt-get install --yes unattended-upgrades
