#!/bin/sh
# Inside the network of article_network.sh: two accounts with keys, one sshd for both addresses, the article's
# configuration word for word, and two runs of the real command line.
set -eu
scratch=$1 checkout=$2 python=$3
cd "$scratch"
ssh-keygen -q -t ed25519 -N '' -f host
ssh-keygen -q -t rsa -N '' -f controller
ssh-keygen -q -t rsa -N '' -f /home/proxyrunner/.ssh/id_rsa
for account in repoowner proxyrunner; do
  mkdir -p "/home/$account/.ssh"
  cat controller.pub /home/proxyrunner/.ssh/id_rsa.pub >"/home/$account/.ssh/authorized_keys"
done
for address in 192.168.0.1 192.168.1.1; do echo "$address $(cut -d' ' -f1,2 host.pub)"; done >known
cp known /home/proxyrunner/.ssh/known_hosts
i=0
while [ $i -lt 40 ]; do
  mkdir -p "/home/repoowner/apprepo/release/$((i % 4))"
  echo "library $i" >"/home/repoowner/apprepo/release/$((i % 4))/lib-$i.jar"
  i=$((i + 1))
done
head -c 3000000 /dev/urandom >/home/repoowner/apprepo/image.iso
find /home/repoowner/apprepo -type f -exec touch -d '2026-01-02 03:04:05' {} +
chown -R repoowner:repoowner /home/repoowner
chown -R proxyrunner:proxyrunner /home/proxyrunner /dat/repoproxy
chmod 700 /home/*/.ssh
chmod 600 /home/*/.ssh/*
mkdir -p /run/sshd
printf 'HostKey %s/host\nUsePAM no\nPasswordAuthentication no\nPidFile none\nSubsystem sftp internal-sftp\n' "$scratch" >sshd_config
/usr/sbin/sshd -D -e -f "$scratch/sshd_config" 2>"$scratch/sshd.log" &
server=$!
mkdir -p home/.ssh state
chmod 700 home home/.ssh state
cp controller home/.ssh/id_rsa
cp known home/.ssh/known_hosts
until ssh-keyscan -T 1 192.168.0.1 2>/dev/null | grep -q ssh; do kill -0 $server; done
export HOME="$scratch/home"
cd "$checkout"
run() { "$python" -m sshsync --config "$scratch/article.conf" --state-dir "$scratch/state" "$@"; }
run config check
run --json --sync repoproxy >"$scratch/first.json"
run --json --sync repoproxy >"$scratch/second.json"
diff -r -x .sshsync /home/repoowner/apprepo /dat/repoproxy
stat -c '%U %Y' /dat/repoproxy/image.iso
kill $server
