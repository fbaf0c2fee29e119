Install-WindowsFeature Web-Server
if (-not $?) { exit 1 }
