# Shell words shared by the benchmarks: what a process uses, and the middle of several rounds. Source it.

# a process and its children: those of nginx, of which the master does nothing
family() { echo "$1"; cat "/proc/$1/task/$1/children"; }
cpu_ticks() { for pid in $(family "$1"); do sed 's/.*) //' "/proc/$pid/stat"; done | awk '{ t += $12 + $13 } END { print t }'; }
memory_mib() { for pid in $(family "$1"); do cat "/proc/$pid/status"; done | awk '/^VmRSS/ { kb += $2 } END { printf "%.1f", kb / 1024 }'; }
median() { sort -n | awk '{ line[NR] = $0 } END { print line[int((NR + 1) / 2)] }'; }
