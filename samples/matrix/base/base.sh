#!/bin/sh
# Common to all Linux images.
set -eu
export DEBIAN_FRONTEND=noninteractive
apt-get update
apt-get upgrade --yes
apt-get install --yes unattended-upgrades
