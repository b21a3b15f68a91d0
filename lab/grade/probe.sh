#!/bin/sh
# Whether a cage can be made inside of an enclosure: makes its two folders, and starts it with what comes after them.
set -eu
mkdir -p "$1" "$2"
shift 2
exec "$@"
