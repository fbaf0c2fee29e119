#!/bin/sh
# Copies the application to its final place. Everything in /tmp is lost when the image is created.
set -eu
folder=$(dirname "$0")
test -f "$folder/run" && test -f "$folder/webapp.service"
if [ "${1:-}" = "--check" ]; then
  exit 0
fi
install -D --mode 755 "$folder/run" /opt/webapp/run
install -D --mode 644 "$folder/webapp.service" /etc/systemd/system/webapp.service
systemctl enable webapp.service
