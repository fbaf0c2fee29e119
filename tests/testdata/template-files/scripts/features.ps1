# Turns on what the applications need. Exit code 3010 asks for a restart.
$ErrorActionPreference = 'Stop'
$result = Enable-WindowsOptionalFeature -Online -NoRestart -FeatureName NetFx3
if ($result.RestartNeeded) { exit 3010 }
