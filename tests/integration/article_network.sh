#!/bin/sh
# The article's two hosts on one machine: run by `unshare --mount --net --pid --fork`, so addresses, accounts and
# directories are the article's own and vanish with the process. Usage: article_network.sh SCRATCH CHECKOUT PYTHON PREFIX
set -eu
scratch=$1 checkout=$2 python=$3 prefix=$4
mount --make-rprivate /
ip link set lo up
ip addr add 192.168.0.1/32 dev lo
ip addr add 192.168.1.1/32 dev lo

# A root directory of our own: everything of the machine, but /home, /dat and the accounts.
new=$scratch/root
mkdir "$new"
mount -t tmpfs tmpfs "$new"
for entry in /*; do
  name=${entry#/}
  case $name in home|dat|proc|tmp|lost+found) continue ;; esac
  if [ -L "$entry" ]; then
    ln -s "$(readlink "$entry")" "$new/$name"
  elif [ -d "$entry" ]; then
    mkdir "$new/$name"
    mount --rbind "$entry" "$new/$name"
  fi
done
mkdir -p "$new/home/repoowner/apprepo" "$new/home/proxyrunner/.ssh" "$new/dat/repoproxy" "$new/proc" "$new/tmp" "$new$scratch"
mount -t proc proc "$new/proc"
mount --bind "$scratch" "$new$scratch"
for place in "$checkout" "$prefix"; do # where they lie below what was left out
  [ -e "$new$place" ] || { mkdir -p "$new$place"; mount --rbind "$place" "$new$place"; }
done
chmod 1777 "$new/tmp"
for file in passwd group shadow; do cp "/etc/$file" "$scratch/$file"; done
printf 'repoowner:x:20001:20001::/home/repoowner:/bin/sh\nproxyrunner:x:20002:20002::/home/proxyrunner:/bin/sh\n' >>"$scratch/passwd"
printf 'repoowner:x:20001:\nproxyrunner:x:20002:\n' >>"$scratch/group"
printf 'repoowner:*:19000::::::\nproxyrunner:*:19000::::::\n' >>"$scratch/shadow"
for file in passwd group shadow; do mount --bind "$scratch/$file" "$new/etc/$file"; done
exec chroot "$new" /bin/sh "$checkout/tests/integration/article_hosts.sh" "$scratch" "$checkout" "$python"
