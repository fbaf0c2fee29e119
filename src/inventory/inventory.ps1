# The inventory of the image: a packed list of what is installed, in numbered lines with a sum. It only reads, and it never fails the build.
& {
    $ErrorActionPreference = 'Stop'
    $ProgressPreference = 'SilentlyContinue'
    $rows = New-Object Collections.ArrayList
    function Add-Row {
        $cells = foreach ($cell in $args) { ("$cell" -replace '[\x00-\x1f\x7f]+', ' ').Trim() }
        [void]$rows.Add($cells -join "`t")
    }
    # What a collector does not find leaves a row, so that nobody takes it for removed.
    function Add-Rows($kind, $collector) {
        try { & $collector } catch { Add-Row 'failed' $kind }
    }
    # A key with a value that cannot be read ends the first way.
    function Get-Keys($path) {
        try {
            Get-ItemProperty -Path "$path\*" -ErrorAction SilentlyContinue
        } catch {
            foreach ($key in @(Get-ChildItem -Path $path)) {
                try { Get-ItemProperty -LiteralPath $key.PSPath } catch { continue }
            }
        }
    }
    function Get-Key($path) {
        try { Get-ItemProperty -Path $path -ErrorAction SilentlyContinue } catch { $null }
    }
    try {
        $windows = Get-ItemProperty -Path 'HKLM:\SOFTWARE\Microsoft\Windows NT\CurrentVersion'
        $name = "$($windows.ProductName)"
        # The registry of Windows 11 says 10 in the name of a client.
        if ($name -like 'Windows 10*' -and [int]$windows.CurrentBuild -ge 22000) { $name = 'Windows 11' + $name.Substring(10) }
        Add-Row 'system' $name "$($windows.CurrentBuild).$($windows.UBR)" "$name $($windows.DisplayVersion)"
        Add-Rows 'program' {
            $programs = @('HKLM:\SOFTWARE\Microsoft\Windows\CurrentVersion\Uninstall', 'HKLM:\SOFTWARE\WOW6432Node\Microsoft\Windows\CurrentVersion\Uninstall' |
                ForEach-Object { Get-Keys $_ } | Where-Object { "$($_.DisplayName)".Trim() })
            foreach ($program in $programs) { Add-Row 'program' $program.DisplayName $program.DisplayVersion $program.Publisher }
            # What Azure Virtual Desktop needs, where it is not in the list of programs.
            $names = @($programs | ForEach-Object { "$($_.DisplayName)" })
            $fslogix = (Get-Key 'HKLM:\SOFTWARE\FSLogix\Apps').InstallVersion
            if ($fslogix -and -not ($names -like '*FSLogix*')) { Add-Row 'program' 'FSLogix' $fslogix 'Microsoft Corporation' }
            $agent = "$((Get-Key 'HKLM:\SOFTWARE\Microsoft\RDAgentBootLoader').DefaultAgent)"
            if ($agent -match 'RDAgent_([0-9.]+)' -and -not ($names -like '*Remote Desktop Services Infrastructure Agent*')) { Add-Row 'program' 'RDAgent' $Matches[1] 'Microsoft Corporation' }
        }
        Add-Rows 'appx' {
            $architectures = @{ '0' = 'x86'; '5' = 'arm'; '9' = 'x64'; '11' = 'neutral'; '12' = 'arm64' }
            foreach ($app in @(Get-AppxProvisionedPackage -Online)) {
                $architecture = "$($app.Architecture)"
                if ($architectures.ContainsKey($architecture)) { $architecture = $architectures[$architecture] }
                Add-Row 'appx' $app.DisplayName $app.Version $architecture.ToLowerInvariant()
            }
        }
        Add-Rows 'update' { foreach ($update in @(Get-HotFix)) { Add-Row 'update' $update.HotFixID } }
        Add-Rows 'feature' {
            foreach ($feature in @(Get-WindowsOptionalFeature -Online)) { if ("$($feature.State)" -eq 'Enabled') { Add-Row 'feature' $feature.FeatureName } }
        }
        Add-Rows 'capability' {
            foreach ($capability in @(Get-WindowsCapability -Online)) { if ("$($capability.State)" -eq 'Installed') { Add-Row 'capability' $capability.Name } }
        }
        # The words of pnputil are those of the system's language; the order of its lines is the same in each.
        Add-Rows 'driver' {
            $global:LASTEXITCODE = 0
            $said = @(pnputil /enum-drivers)
            if ($LASTEXITCODE -ne 0) { throw 'pnputil failed' }
            foreach ($driver in (($said -join "`n") -replace "`r", '') -split "\n\s*\n") {
                $values = @($driver -split "\n" | Where-Object { $_ -match '^[^:]+:\s*(\S.*)$' } | ForEach-Object { ($_ -replace '^[^:]+:\s*', '').Trim() })
                $version = @($values -match '^\d+[/.-]\d+[/.-]\d+ +\d+(\.\d+)+$')
                if ($values.Count -ge 3 -and $version.Count -gt 0 -and $values[0] -like '*.inf') { Add-Row 'driver' $values[1] ($version[0] -replace '^.* ', '') $values[2] }
            }
        }
        $sorted = [string[]]$rows.ToArray()
        [Array]::Sort($sorted, [StringComparer]::Ordinal)
        $text = [Text.Encoding]::UTF8.GetBytes(($sorted -join "`n") + "`n")
        $sha256 = New-Object Security.Cryptography.SHA256CryptoServiceProvider
        $sum = [BitConverter]::ToString($sha256.ComputeHash($text)).Replace('-', '').ToLowerInvariant()
        $packed = New-Object IO.MemoryStream
        $gzip = New-Object IO.Compression.GZipStream($packed, [IO.Compression.CompressionMode]::Compress)
        $gzip.Write($text, 0, $text.Length)
        $gzip.Dispose()
        $base64 = [Convert]::ToBase64String($packed.ToArray())
        $lines = @(for ($at = 0; $at -lt $base64.Length; $at += 64) { $base64.Substring($at, [Math]::Min(64, $base64.Length - $at)) })
        if ($lines.Count -gt 9999) { throw "the list has $($lines.Count) lines" }
        Write-Output 'image-inventory begin 1 windows'
        for ($number = 1; $number -le $lines.Count; $number++) { Write-Output ('image-inventory {0:d4} {1}' -f $number, $lines[$number - 1]) }
        Write-Output ('image-inventory end {0:d4} sha256={1}' -f $lines.Count, $sum)
    } catch {
        Write-Output "image-inventory failed $($_.Exception.GetBaseException().Message -replace '\s+', ' ')"
    }
}
exit 0
