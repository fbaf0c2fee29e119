#!/bin/bash
set -euo pipefail
echo "$(hostname)"
