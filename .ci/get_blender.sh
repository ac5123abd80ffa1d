#!/usr/bin/env bash
# get_blender.sh SUITE FOLDER
#
# Unpacks Debian's build of Blender with its own C library, Python and software OpenGL into FOLDER,
# from the Debian mirror that this machine's apt is set to. Needs no root and leaves the machine's
# own packages alone; FOLDER may be moved afterwards. FOLDER/blender starts it. About 30 s, 1.1 GB.
#
#   SUITE trixie   Blender 4.3.2, fixed by the release: tests may depend on it
#   SUITE sid      the newest Blender LTS, moves with time: for information only
set -euo pipefail

suite=${1:?"usage: get_blender.sh SUITE FOLDER"}
folder=$(realpath -m "${2:?"usage: get_blender.sh SUITE FOLDER"}")

fail() {
  echo "pose2rig: error: $1" >&2
  exit 1
}

[ "$(dpkg --print-architecture)" = amd64 ] || fail "Blender is unpacked for amd64 only;\
 expected amd64, got $(dpkg --print-architecture); give the tests another Blender"
[ ! -e "$folder" ] || fail "the folder for Blender is already there;\
 expected a new folder, got $folder; remove it and start again"

mirror=$(apt-get indextargets --format '$(REPO_URI)' | grep -E '/debian(/|$)' | head -n 1 || true)
[ -n "$mirror" ] || fail "no Debian mirror known; expected one among apt's sources, got none;\
 add Debian's main archive to apt's sources"

mkdir -p "$(dirname "$folder")"
work=$(mktemp -d "$folder.XXXXXX")
trap 'rm -rf "$work"' EXIT
chmod 755 "$work"

# --- fetch: an apt of its own, which believes that nothing is installed -------------------------
state=$work/apt
mkdir -p "$state"/{lists,archives}/partial
: > "$state/status"
echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $mirror $suite main" \
  > "$state/sources.list"
apt=(apt-get -qq
  -o "Dir::State=$state" -o "Dir::State::status=$state/status" -o "Dir::State::lists=$state/lists"
  -o "Dir::Cache=$state" -o "Dir::Cache::archives=$state/archives"
  -o Dir::Cache::pkgcache= -o Dir::Cache::srcpkgcache=
  -o "Dir::Etc::sourcelist=$state/sources.list" -o Dir::Etc::sourceparts=/dev/null
  -o Dir::Etc::preferencesparts=/dev/null
  -o Acquire::Languages=none -o Acquire::Retries=3
  -o APT::Update::Post-Invoke= -o APT::Sandbox::User=root)
packages=(blender python3-numpy python3-requests python3-zstandard
  libgl1 libegl1 libgl1-mesa-dri libglx-mesa0 libegl-mesa0)
[ "$suite" = trixie ] || packages+=(python3-cattr)
"${apt[@]}" -o APT::Update::Error-Mode=any update \
  || fail "the Debian mirror did not answer; expected $mirror to serve $suite,\
 got the error above; check the network and start again"
"${apt[@]}" install -y --download-only --no-install-recommends "${packages[@]}" \
  || fail "Blender's packages did not arrive; expected them from $mirror,\
 got the error above; check the network and start again"

# --- unpack -------------------------------------------------------------------------------------
root=$work/root
mkdir -p "$root"/usr/{bin,sbin,lib,lib64}
for name in bin sbin lib lib64; do ln -s "usr/$name" "$root/$name"; done
for package in "$state"/archives/*.deb; do
  dpkg-deb --fsys-tarfile "$package" | tar -x --keep-directory-symlink --no-same-owner -C "$root" \
    --exclude='./usr/share/doc/*' --exclude='./usr/share/locale/*' --exclude='./usr/share/man/*'
done
rm -rf "$state"

# --- start them through their own loader, wherever the folder lies ------------------------------
start_with_own_libraries='
libraries=$root/usr/lib/x86_64-linux-gnu
path=$libraries:$root/usr/lib:$libraries/blas:$libraries/lapack:$libraries/pulseaudio
loader=$root/usr/lib64/ld-linux-x86-64.so.2'

# Blender's sys.executable: its extension installer runs this Python.
python=$(basename "$(readlink -f "$root/usr/bin/python3")")
mv "$root/usr/bin/$python" "$root/usr/bin/$python.real"
cat > "$root/usr/bin/$python" <<WRAPPER
#!/bin/sh
here=\$(dirname "\$(readlink -f "\$0")")
root=\$(dirname "\$(dirname "\$here")")$start_with_own_libraries
exec "\$loader" --library-path "\$path" --argv0 "\$here/$python" "\$here/$python.real" "\$@"
WRAPPER

cat > "$work/blender" <<WRAPPER
#!/bin/sh
root=\$(dirname "\$(readlink -f "\$0")")/root$start_with_own_libraries
export BLENDER_SYSTEM_RESOURCES="\$root/usr/share/blender" BLENDER_SYSTEM_PYTHON="\$root/usr"
export LIBGL_ALWAYS_SOFTWARE=1 LIBGL_DRIVERS_PATH="\$libraries/dri" GBM_BACKENDS_PATH="\$libraries/gbm"
export __GLX_VENDOR_LIBRARY_NAME=mesa
export __EGL_VENDOR_LIBRARY_FILENAMES="\$root/usr/share/glvnd/egl_vendor.d/50_mesa.json"
exec "\$loader" --library-path "\$path" "\$root/usr/bin/blender" "\$@"
WRAPPER
chmod 755 "$work/blender" "$root/usr/bin/$python"

"$work/blender" --version > /dev/null || fail "the unpacked Blender does not start;\
 expected its version, got the error above; its libraries may lack a package"
mv -T "$work" "$folder"
trap - EXIT
