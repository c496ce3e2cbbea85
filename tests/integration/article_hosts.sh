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
until ssh-keyscan -T 1 192.168.0.1 2>/dev/null | grep -q ed25519; do kill -0 $server; done
export HOME="$scratch/home"
cd "$checkout"
run() { "$python" -m sshsync --config "$scratch/article.conf" --state-dir "$scratch/state" "$@"; }
run config check
run --json --sync repoproxy >"$scratch/first.json"
run --json --sync repoproxy >"$scratch/second.json"
diff -r -x .sshsync /home/repoowner/apprepo /dat/repoproxy
stat -c '%U %Y' /dat/repoproxy/image.iso

# A node with dropbear for its sshd: no sftp, no scp, small windows.
dropbearkey -t ed25519 -f "$scratch/dropbear_key" >&2
mkdir -p /dat/node
chown proxyrunner /dat/node
dropbear -F -E -r "$scratch/dropbear_key" -p 192.168.1.1:2222 2>"$scratch/dropbear.log" &
node=$!
until ssh-keyscan -T 1 -p 2222 192.168.1.1 2>/dev/null | grep -q ed25519; do kill -0 $node; done
cat "$scratch/article.conf" - >"$scratch/node.conf" <<'CONF'

[node]
user = proxyrunner
host = 192.168.1.1
port = 2222
path = /dat/node
parent = repoproxy
CONF
chmod 600 "$scratch/node.conf"
"$python" -m sshsync --config "$scratch/node.conf" --state-dir "$scratch/state" hosts trust node --yes
"$python" -m sshsync --config "$scratch/node.conf" --state-dir "$scratch/state" --json --sync node >"$scratch/third.json"
diff -r -x .sshsync /home/repoowner/apprepo /dat/node
kill $server $node
