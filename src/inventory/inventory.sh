# The inventory of the image: a packed list of what is installed, in numbered lines with a sum. It only reads, and it never fails the build.
set +e +u +x
(
# What a program or the shell complains about is no part of the build's output.
exec </dev/null 2>/dev/null
LC_ALL=C PIP_DISABLE_PIP_VERSION_CHECK=1 PYTHONDONTWRITEBYTECODE=1
export LC_ALL PIP_DISABLE_PIP_VERSION_CHECK PYTHONDONTWRITEBYTECODE
fail() { printf 'image-inventory failed %s\n' "$1"; exit 0; }
tab=$(printf '\t')
dir=$(mktemp -d) && [ -d "$dir" ] || fail 'a temporary folder cannot be made'
trap 'rm -rf "$dir"' EXIT
# No collector fills the disk.
ulimit -f 65536
limit=
if timeout -k 5 60 true >/dev/null; then limit='timeout -k 5 60'
elif timeout 60 true >/dev/null; then limit='timeout 60'
fi
# collect KIND EXPRESSION PROGRAM ARGUMENTS: rows of what the program prints, made by an expression of sed.
collect() {
  kind=$1 rows=$2
  shift 2
  command -v "$1" >/dev/null || return 0
  if $limit "$@" >"$dir/said" && sed -n "$rows" "$dir/said" >"$dir/rows"; then
    cat "$dir/rows" >>"$dir/all" || fail 'the list cannot be written'
  else
    printf 'failed\t%s\n' "$kind" >>"$dir/all"
  fi
}
: >"$dir/all"
for file in /etc/os-release /usr/lib/os-release; do
  [ -r "$file" ] || continue
  (
    ID= VERSION_ID= NAME= PRETTY_NAME=
    . "$file" >/dev/null
    printf 'system\t%s\t%s\t%s\n' "${ID:-linux}" "$VERSION_ID" "${PRETTY_NAME:-$NAME}"
  ) >>"$dir/all"
  break
done
grep '^system' "$dir/all" >/dev/null || fail 'there is no /etc/os-release'
collect kernel "s/^\([^ ]*\) \(.*\)$/kernel$tab\1$tab\2/p" uname -r -m
collect deb "s/^installed$tab/deb$tab/p" dpkg-query -W -f='${db:Status-Status}\t${Package}\t${Version}\t${Architecture}\t${source:Package}\n'
collect rpm "/^gpg-pubkey$tab/!s/^/rpm$tab/p" rpm -qa --qf '%{NAME}\t%{EPOCH}\t%{VERSION}-%{RELEASE}\t%{ARCH}\n'
collect apk "s/^/apk$tab/p" apk info -v
collect snap "1!s/^\([^ ]*\)  *\([^ ]*\) .*$/snap$tab\1$tab\2/p" snap list
collect flatpak "s/^/flatpak$tab/p" flatpak list --columns=application,version
pip=pip
command -v pip >/dev/null || pip=pip3
collect pypi "s/^\([A-Za-z0-9._-]*\)==\([^ ]*\)$/pypi$tab\1$tab\2/p" "$pip" list --format=freeze
collect unit "s/^\([^ ]*\)  *enabled.*$/unit$tab\1/p" systemctl list-unit-files --state=enabled --no-legend --no-pager
sort -u "$dir/all" >"$dir/list" || fail 'the list cannot be sorted'
sum=$(sha256sum <"$dir/list") || fail 'sha256sum is missing'
sum=${sum%% *}
[ "${#sum}" -eq 64 ] || fail 'sha256sum has no sum'
gzip -9 -n <"$dir/list" >"$dir/packed" || gzip <"$dir/list" >"$dir/packed" || fail 'gzip is missing'
base64 <"$dir/packed" >"$dir/text" || fail 'base64 is missing'
tr -d '\n' <"$dir/text" >"$dir/one" || fail 'tr is missing'
fold -w 64 <"$dir/one" >"$dir/lines" || fail 'fold is missing'
number=0
while IFS= read -r line || [ -n "$line" ]; do
  number=$((number + 1))
  printf 'image-inventory %04d %s\n' "$number" "$line"
done <"$dir/lines" >"$dir/block" || fail 'the lines cannot be written'
[ "$number" -gt 0 ] && [ "$number" -le 9999 ] || fail "the list has $number lines"
printf 'image-inventory begin 1 linux\n'
cat "$dir/block"
printf 'image-inventory end %04d sha256=%s\n' "$number" "$sum"
)
exit 0
