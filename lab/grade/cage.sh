#!/bin/sh
# Starts a peer of somebody who is not trusted, in namespaces of its own (processes, mounts) inside of an enclosure. It sees the system's
# programs, its own folder, its share, and nothing else: no other submission, no rubric, no scenario, no results. It has no rights beyond
# its user's and can get none.
# usage: cage.sh ROOT HOME UID PROCESSES FILE_BYTES SEEN PROGRAM…
#   ROOT        an empty folder, on which its view of the disk is put together
#   HOME        the folder of the submission, which it can read
#   UID         the user that it becomes; empty: it stays who it is
#   PROCESSES   how many it may have; FILE_BYTES: how large a file of its may get
#   SEEN        folders and files to be seen beside those of the system, one a line
set -eu
root=$1 home=$2 uid=$3 processes=$4 file_bytes=$5 seen=$6
shift 6

# What is mounted here is seen here only.
mount --make-rprivate /
mount -t tmpfs -o size=1m,mode=0755 tmpfs "$root"

# show PATH: at the same place, read-only, or not at all
show() {
  [ -e "$1" ] || return 0
  if [ -L "$1" ]; then
    mkdir -p "$root${1%/*}"
    [ -L "$root$1" ] || ln -s "$(readlink "$1")" "$root$1"
    return 0
  fi
  place "$1"
  mount -o "remount,bind,ro,nosuid,nodev$(flags "$1")" "$root$1"
}

# place PATH: at the same place, as it is
place() {
  if [ -d "$1" ]; then mkdir -p "$root$1"; else mkdir -p "$root${1%/*}" && : >>"$root$1"; fi
  mount --rbind "$1" "$root$1"
}

# Flags of the file system below that may not be taken away by those who are root for themselves only.
flags() {
  case ",$(findmnt -n -o OPTIONS -T "$1" 2>/dev/null)," in *,noexec,*) printf ',noexec' ;; esac
  case ",$(findmnt -n -o OPTIONS -T "$1" 2>/dev/null)," in *,noatime,*) printf ',noatime' ;; *,relatime,*) printf ',relatime' ;; esac
}

for path in /dev/null /dev/zero /dev/full /dev/random /dev/urandom; do place "$path"; done
mkdir -p "$root/proc" "$root/tmp" "$root/dev/shm"
mount -t proc -o nosuid,nodev,noexec proc "$root/proc"
mount -t tmpfs -o size=64m,mode=1777,nosuid,nodev tmpfs "$root/tmp"
mount -t tmpfs -o size=64m,mode=1777,nosuid,nodev,noexec tmpfs "$root/dev/shm"
for path in /usr /bin /sbin /lib /lib32 /lib64 /libx32 /etc /opt; do show "$path"; done
printf '%s\n' "$seen" | while IFS= read -r path; do [ -z "$path" ] || show "$path"; done
# give PATH: at the same place, to write in
give() {
  [ -z "$uid" ] || chown -Rh "$uid:$uid" "$1"
  place "$1"
}
if [ -n "${PEERLAB_CAGE_BUILDS:-}" ]; then give "$home"; else show "$home"; fi
[ -z "${PEER_SHARE_DIR:-}" ] || give "$PEER_SHARE_DIR"
export HOME=/tmp TMPDIR=/tmp
unset NODE_COMPILE_CACHE

# Process 1 has no signal's usual effect, so it is this shell. The signals come to the whole group: the peer has got them, too.
trap : TERM INT HUP
user=${uid:+--reuid=$uid --regid=$uid --clear-groups}
# shellcheck disable=SC2086 # no words, or three
chroot "$root" /bin/sh -c 'cd "$1" && shift && exec "$@"' sh "$home" \
  setpriv $user --no-new-privs --bounding-set=-all --inh-caps=-all \
  prlimit --nproc="$processes" --fsize="$file_bytes" --nofile=4096 --core=0 "$@" &
peer=$!
while :; do
  code=0
  wait "$peer" || code=$?
  # A signal ends the waiting, not the peer.
  kill -0 "$peer" 2>/dev/null || exit "$code"
done
