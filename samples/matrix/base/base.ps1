# What every Windows image has in common.
$ErrorActionPreference = 'Stop'
Set-TimeZone -Id 'UTC'
Set-Service -Name W32Time -StartupType Automatic
