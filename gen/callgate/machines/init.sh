#!/usr/bin/busybox sh
# The first process of a machine in qemu-system: runs the jobs of /tasks and reports each one to the
# host, see frames.py, which ends the machine when all is done.
#
# Each job gets namespaces of its own but the users', so it is root of the whole machine, and all
# that it leaves behind (processes, mounts, host name, network) goes with it.

place=/run/callgate
export PATH=/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin

main() {
  # The kernel's first root cannot be left by pivot_root(2). Shown once more, and that moved over it,
  # it can.
  /usr/bin/busybox mount --bind / /newroot
  cd /newroot || exit
  /usr/bin/busybox mount --move . /
  exec /usr/bin/busybox chroot . /init furnish
}

furnish() {
  /usr/bin/busybox --install -s 2>/dev/null
  mount -t proc -o nosuid,nodev,noexec proc /proc
  mount -t sysfs -o nosuid,nodev,noexec sysfs /sys
  mount -t devtmpfs -o nosuid dev /dev
  mkdir -p /dev/pts /dev/shm /dev/mqueue
  ln -s /proc/self/fd /dev/fd
  mount -t devpts -o nosuid,noexec,ptmxmode=666 devpts /dev/pts
  mount -t tmpfs -o nosuid,nodev,mode=1777 shm /dev/shm
  mount -t mqueue mqueue /dev/mqueue
  mount -t cgroup2 cgroup2 /sys/fs/cgroup
  mount -t tmpfs -o nosuid,nodev,mode=755 run /run
  mount --bind /callgate /callgate
  mount -o remount,bind,ro /callgate
  mkdir -p $place
  mount -t tmpfs -o size=64m jobs $place # all that jobs may print
  ip link set lo up

  for port in /sys/class/virtio-ports/*; do
    [ "$(cat "$port/name")" = callgate ] && exec 3>"/dev/${port##*/}"
  done
  mkfifo $place/turn # holds one line: whoever reads it may write to the port
  exec 4<>$place/turn
  echo >&4
  echo "boot $(uname -r)" >&3
  worker=0
  while [ $worker -lt "$workers" ]; do # the kernel hands workers=N of its command line to init
    work &
    worker=$((worker + 1))
  done
  wait
  echo all >&3
  while :; do sleep 1000; done
}

work() {
  while read -r job seconds; do
    mkdir "$place/$job" 2>/dev/null || continue # another worker has it
    frame "begin $job"
    unshare -m -u -i -n -p -f sh /init cell "$job" "$seconds" 3>&- 4>&-
    cd "$place/$job" || exit
    read -r status <status || status=late
    frame "end $job $status $(wc -c <out) $(wc -c <err)" out err
    cd /
    rm "$place/$job/out" "$place/$job/err"
  done </tasks/list
}

frame() { # LINE [FILE...]: nothing of another worker's comes in between
  line=$1
  shift
  read -r turn <&4
  echo "$line" >&3
  if [ $# -gt 0 ]; then
    cat "$@" >&3
    echo >&3
  fi
  echo "$turn" >&4
}

cell() { # JOB SECONDS: the first process of the job's namespaces; when it ends, all in them does
  mount -t proc -o nosuid,nodev,noexec proc /proc
  mount -t tmpfs -o nosuid,nodev,mode=1777 tmp /tmp
  ip link set lo up
  sh "/tasks/$1.sh" </dev/null >"$place/$1/out" 2>"$place/$1/err" &
  job=$!
  (
    sleep "$2"
    echo late >"$place/$1/late"
    kill -KILL $job
  ) &
  wait $job
  status=$?
  [ -e "$place/$1/late" ] && status=late
  echo $status >"$place/$1/status"
}

"${@:-main}"
