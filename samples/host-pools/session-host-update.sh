#!/bin/sh
# Updates a host pool with session host update (API in preview), instead of blue/green: the pool must have a session host
# configuration. Azure Virtual Desktop then replaces the VMs in batches, about 20 minutes each.
# sh session-host-update.sh <resource group> <host pool> <image version id>
# It sets the image, starts the update and monitors it until it ends. It fails if the update fails, is canceled, or does not start.
set -eu
group=$1
pool=$2
image=$3
version=2026-04-01-preview
# Stop monitoring after this many hours; the update itself continues. The timeoutInMinutes of the job must be longer.
hours=${HOURS:-24}

poolId=$(az resource show --resource-group "$group" --name "$pool" \
  --resource-type Microsoft.DesktopVirtualization/hostPools --query id --output tsv)
base=https://management.azure.com$poolId
configuration="$base/sessionHostConfigurations/default?api-version=$version"
management=$base/sessionHostManagements/default
errors=$(mktemp)
trap 'rm -f "$errors"' EXIT

fail() {
  echo "$1" >&2
  exit 1
}

# Prints state, version and image of the configuration.
read_configuration() {
  az rest --url "$configuration" --output tsv --query 'join(`" "`, [properties.provisioningState || `"-"`, properties.version || `"-"`, properties.imageInfo.customInfo.resourceId || `"-"`])'
}

# Prints state, correlation id, start and percentage of the newest update, or "none" if there was no update yet.
read_update() {
  if az rest --url "$management/sessionHostUpdateStatuses/default?api-version=$version" --output tsv --query \
    'join(`" "`, [status || `"-"`, properties.correlationId || correlationId || `"-"`, startTime || properties.startTime || `"-"`, to_string(percentComplete || `0`)])' 2>"$errors"; then
    return 0
  fi
  if grep -qi 'not *found' "$errors"; then
    echo none - - 0
    return 0
  fi
  cat "$errors" >&2
  return 1
}

same() {
  [ "$(echo "$1" | tr '[:upper:]' '[:lower:]')" = "$(echo "$2" | tr '[:upper:]' '[:lower:]')" ]
}

if ! seen=$(read_configuration); then
  fail "The session host configuration of $pool cannot be read. If it has none, use add-session-hosts.sh and drain-session-hosts.sh"
fi
read -r _ oldVersion oldImage <<END
$seen
END

# The response to the start of an update is empty, and the next status can still be that of the previous update. This value distinguishes them.
before=$(read_update)
read -r state oldCorrelation oldStart _ <<END
$before
END
case $state in
  none | Succeeded | Failed | Canceled | Error) ;;
  *) fail "An update of $pool is $state: wait for its end, or cancel it" ;;
esac

az rest --method patch --url "$configuration" --output none \
  --body "{\"properties\":{\"imageInfo\":{\"type\":\"Custom\",\"customInfo\":{\"resourceId\":\"$image\"}}}}"
# Up to 15 minutes. The state can still be that of the previous configuration: its version is the time of the last change.
tries=0
while :; do
  seen=$(read_configuration)
  read -r state newVersion newImage <<END
$seen
END
  case $state in
    Failed | Canceled) fail "The session host configuration of $pool is $state" ;;
    Succeeded)
      if same "$newImage" "$image" && { [ "$newVersion" != "$oldVersion" ] || same "$oldImage" "$image"; }; then
        break
      fi
      ;;
  esac
  tries=$((tries + 1))
  [ "$tries" -lt 90 ] || fail "The session host configuration of $pool is $state, and does not have the image after 15 minutes"
  sleep 10
done

az rest --method post --url "$management/initiateSessionHostUpdate?api-version=$version" --output none \
  --body '{"update":{"deleteOriginalVm":false,"maxVmsRemoved":1,"logOffDelayMinutes":15,"logOffMessage":"This desktop is updated in 15 minutes. Save your work."}}'

control="az rest --method post --url '$management/controlSessionHostUpdate?api-version=$version' --body"
mine=
shown=
unread=0
seconds=0
pause=15
while :; do
  if now=$(read_update); then
    unread=0
    read -r state correlation start percent <<END
$now
END
    if [ -z "$mine" ] && { [ "$correlation" != "$oldCorrelation" ] || [ "$start" != "$oldStart" ]; }; then
      mine=$correlation
      pause=60
    fi
    if [ -z "$mine" ]; then
      [ "$seconds" -lt 300 ] || fail "The update of $pool was accepted and has not begun after 5 minutes: its status is still $state"
    elif [ "$correlation" != "$mine" ]; then
      fail "Another update of $pool has taken the place of this one: how this one ended is not known"
    else
      if [ "$shown" != "$state $percent" ]; then
        shown="$state $percent"
        echo "$state, $percent %"
      fi
      case $state in
        Succeeded) exit 0 ;;
        Canceled) fail "The update of $pool was canceled" ;;
        Failed | Error)
          az rest --url "$management/sessionHostUpdateStatuses/default?api-version=$version" --output tsv \
            --query 'join(`": "`, [error.code || `"no code"`, error.message || `"no message"`])' >&2 || true
          echo "To go on where it stopped: $control '{\"action\":\"Retry\"}'" >&2
          echo "To give it up: $control '{\"action\":\"Cancel\"}'" >&2
          fail "The update of $pool is $state"
          ;;
      esac
    fi
  else
    unread=$((unread + 1))
    [ "$unread" -lt 10 ] || fail "The status of the update cannot be read; the update may go on"
  fi
  [ "$seconds" -lt $((hours * 3600)) ] || fail "The update of $pool is not over after $hours hours; it goes on"
  sleep "$pause"
  seconds=$((seconds + pause))
done
