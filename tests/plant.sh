#!/bin/sh
# plant.sh - programs with a mistake that a campaign must find
#
# usage: tests/plant.sh PLANTS BUILD FOLDER COMPILE...
# Each line of PLANTS, "NAME PROGRAM SOURCE SED", becomes FOLDER/NAME/PROGRAM:
# that program of BUILD, linked with SOURCE as sed(1) changes it.  COMPILE is
# the compiler with its flags; what is in LINK goes behind the archives.
plants=$1 build=$2 folder=$3
shift 3
grep -v '^#' "$plants" | while read -r name program source change; do
    to=$folder/$name
    main=$(sed -n "s|^${program}_MAIN = ||p" Makefile)
    mkdir -p "$to" && sed "$change" "$source" >"$to/changed.c" &&
        ! cmp -s "$source" "$to/changed.c" &&
        # shellcheck disable=SC2086
        "$@" -w -o "$to/$program" "$to/changed.c" "$build/$main.o" \
            "$build/lib${main%%/*}.a" "$build/libbase.a" $LINK ||
        { echo "$plants: $name: not built" >&2; exit 1; }
done
