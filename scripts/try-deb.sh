#!/usr/bin/env bash
# Makes the Debian packages, installs them in a bare Debian 12 of their own and tries them there:
#   scripts/try-deb.sh [FOLDER]     needs root, debootstrap and a Debian mirror; about 1 GB in FOLDER, removed at the end
set -euo pipefail
cd "$(dirname "$0")/.."
root=${1:-$(mktemp -d)}/debian
mirror=${DEBIAN_MIRROR:-http://deb.debian.org/debian}

scripts/build.sh release
(cd build/release && rm -f ./*.deb && cpack >/dev/null)
mkdir -p "$root"
trap 'umount "$root/proc" 2>/dev/null || true; rm -rf "$root"' EXIT
debootstrap --variant=minbase bookworm "$root" "$mirror" >/dev/null
cp build/release/*.deb "$root/root/"
mount -t proc proc "$root/proc" 2>/dev/null || true

inside() { chroot "$root" /usr/bin/env -i HOME=/root PATH=/usr/sbin:/usr/bin:/sbin:/bin DEBIAN_FRONTEND=noninteractive "$@"; }
inside sh -c "apt-get update -qq && apt-get install -y -qq --no-install-recommends /root/equibolt_*.deb" >/dev/null
inside equibolt --version
inside equibolt doctor
inside sh -c "cd /root && equibolt sample /usr/share/equibolt/models/dw4.safetensors -n 1000 -o s.npz && equibolt inspect s.npz"
inside sh -c "cd /root && equibolt run dw4 -q --set train.steps=500 --set simulate.samples=5000 --set evaluate.samples=500 \
  --set evaluate.test_samples=100 && equibolt inspect runs/dw4 | head -8"
inside test -s /usr/share/man/man1/equibolt.1.gz -o -s /usr/share/man/man1/equibolt.1

inside sh -c "apt-get install -y -qq --no-install-recommends g++ cmake make /root/libequibolt-dev_*.deb" >/dev/null
cp -r tests/consumer "$root/root/consumer"
inside sh -c "cd /root && cmake -S consumer -B build -DHEADERS=/usr/include/equibolt \
  -DEXAMPLE=/usr/share/doc/equibolt/examples/own_energy.cc >/dev/null && cmake --build build >/dev/null &&
  build/from_model /usr/share/equibolt/models/dw4.safetensors && build/own_energy charges"
inside sh -c "apt-get remove -y -qq equibolt libequibolt-dev" >/dev/null
inside sh -c "! command -v equibolt"
echo "the packages install, work and go away"
