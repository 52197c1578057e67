#!/bin/sh
# fetch-server.sh NAME: prints the path of an executable server of that version, which it first unpacks from Debian's
# archive where .cache/servers has none yet. Needs apt-get and dpkg-deb, but no root: nothing is installed, and the
# machine's own package lists and packages are left alone.
#
# apt resolves the package against a machine that has nothing, so the C library comes along with everything else, and
# the wrapper starts the binary through that library's own loader. So a server of a newer release runs on an older one.
set -eu

name=${1:-}
case $name in
  valkey-8.0) package=valkey-server suites='bookworm bookworm-backports' target=bookworm-backports ;;
  # The suite goes on, so it may be a newer one by now.
  valkey-9.1) package=valkey-server suites=sid target=sid ;;
  redis-8.0) package=redis-server suites=trixie target=trixie ;;
  *) echo "usage: $0 valkey-8.0 | valkey-9.1 | redis-8.0" >&2; exit 2 ;;
esac

root=$(cd "$(dirname "$0")/.." && pwd)
servers=$root/.cache/servers
if [ -x "$servers/$name/server" ]; then echo "$servers/$name/server"; exit; fi

mirror=${DEBIAN_MIRROR:-http://deb.debian.org/debian}
keyring=${DEBIAN_KEYRING:-/usr/share/keyrings/debian-archive-keyring.gpg}
for need in apt-get dpkg-deb; do
  command -v "$need" > /dev/null || { echo "$name is unpacked from Debian's packages: $need is missing" >&2; exit 1; }
done
[ -r "$keyring" ] || { echo "$keyring is missing: install debian-archive-keyring" >&2; exit 1; }

# Everything happens in a folder of its own, which takes its final name when it is complete.
mkdir -p "$servers"
work=$(mktemp -d "$servers/$name.XXXXXX")
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM
apt=$work/apt
mkdir -p "$apt/lists/partial" "$apt/cache/archives/partial"
: > "$apt/status"
for suite in $suites; do echo "deb [signed-by=$keyring] $mirror $suite main"; done > "$apt/sources.list"

apt_get() {
  apt-get -qq -o Dir::Etc::sourcelist="$apt/sources.list" -o Dir::Etc::sourceparts=/dev/null \
    -o Dir::Etc::preferences=/dev/null -o Dir::Etc::preferencesparts=/dev/null \
    -o Dir::State="$apt" -o Dir::State::status="$apt/status" -o Dir::Cache="$apt/cache" \
    -o Debug::NoLocking=1 -o APT::Sandbox::User=root "$@" >&2
}
apt_get update
apt_get install -y --download-only --no-install-recommends -t "$target" "$package"
for deb in "$apt"/cache/archives/*.deb; do dpkg-deb -x "$deb" "$work/files"; done

# Of all that, keep the binary and the libraries: they lie in the folder of the loader's name, which is below /lib in
# older releases and below /usr/lib in newer ones.
cd "$work"
loader=$(find files -type f -name 'ld-linux*.so.*' | head -n 1)
[ -n "$loader" ] || { echo "no loader among the packages of $package" >&2; exit 1; }
machine=$(basename "$(dirname "$loader")")
mkdir lib
for folder in "files/lib/$machine" "files/usr/lib/$machine"; do
  [ ! -d "$folder" ] || find "$folder" -maxdepth 1 -name '*.so*' -exec cp -P {} lib/ ';'
done
cp -L "files/usr/bin/$package" .
rm -rf files "$apt"

cat > server <<WRAPPER
#!/bin/sh
here=\${0%/*}
exec "\$here/lib/$(basename "$loader")" --library-path "\$here/lib" --argv0 $package "\$here/$package" "\$@"
WRAPPER
chmod +x server
./server --version >&2
mv "$work" "$servers/$name"
echo "$servers/$name/server"
