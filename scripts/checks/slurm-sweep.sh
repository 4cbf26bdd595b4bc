#!/usr/bin/env bash
# A sweep as an array job of a Slurm of one node, started here for it: eight workers, two of them killed and requeued; then the
# merged table must be a serial sweep's. Needs root and Debian's slurm-wlm and munge; ends with 77 without.
#
#   scripts/checks/slurm-sweep.sh GRADLEAK
set -euo pipefail
gradleak=$(realpath "$1")
export PATH="$PATH:/usr/sbin:/sbin"
for program in munged slurmctld slurmd sbatch scontrol squeue; do
  command -v $program >/dev/null || { echo "there is no $program: apt-get install slurm-wlm munge" >&2; exit 77; }
done
[ "$(id -u)" = 0 ] || { echo "slurmd starts jobs of others, which takes root" >&2; exit 77; }

folder=$(mktemp -d)
export SLURM_CONF=$folder/slurm.conf
stop() {
  for file in slurmd slurmctld munged; do
    if [ -f "$folder/$file.pid" ]; then kill "$(cat "$folder/$file.pid")" 2>/dev/null || true; fi
  done
  sleep 1
  rm -rf "$folder"
}
trap stop EXIT

host=$(hostname -s)
mkdir -p "$folder/state" "$folder/spool" "$folder/munge"
dd if=/dev/urandom of="$folder/munge/key" bs=128 count=1 2>/dev/null
chmod 0700 "$folder/munge" && chmod 0400 "$folder/munge/key"
munged --key-file "$folder/munge/key" --socket "$folder/munge/socket" --pid-file "$folder/munged.pid" \
  --log-file "$folder/munge/log" --seed-file "$folder/munge/seed" --force
cat >"$SLURM_CONF" <<CONF
ClusterName=check
SlurmctldHost=$host(127.0.0.1)
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket=$folder/munge/socket
CredType=cred/munge
SlurmctldPort=46817
SlurmdPort=46818
StateSaveLocation=$folder/state
SlurmdSpoolDir=$folder/spool
SlurmctldPidFile=$folder/slurmctld.pid
SlurmdPidFile=$folder/slurmd.pid
SlurmctldLogFile=$folder/slurmctld.log
SlurmdLogFile=$folder/slurmd.log
ProctrackType=proctrack/pgid
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
SchedulerParameters=sched_interval=1,defer_batch
MinJobAge=3600
KillWait=5
ReturnToService=2
NodeName=$host NodeAddr=127.0.0.1 CPUs=$(nproc) RealMemory=2000 State=UNKNOWN
PartitionName=all Nodes=$host Default=YES MaxTime=INFINITE State=UP
CONF
slurmctld
slurmd
for _ in $(seq 60); do
  if sinfo --noheader --format %T 2>/dev/null | grep -q idle; then break; fi
  sleep 0.5
done
sinfo --noheader --format "Slurm %N: %T"

plan=(--defence none --defence prune:0.2 --defence gaussian:1e-3 --size 10 --seeds 2 --iterations 400 --attack dlg)
cd "$folder"
"$gradleak" sweep "${plan[@]}" --results serial.sqlite --quiet >/dev/null
"$gradleak" sweep submit "${plan[@]}" --to slurm --shards 8 --memory 200 --results "$folder/array.sqlite"

# Two workers are killed as they work, as by the kernel for want of memory, and their tasks requeued.
killed=0
for _ in $(seq 600); do
  if [ $killed -ge 2 ]; then break; fi
  worker=$(pgrep -f "sweep run .*--shard [0-9]+/8" | head -1 || true)
  if [ -n "$worker" ]; then
    shard=$(tr '\0' '\n' <"/proc/$worker/cmdline" 2>/dev/null | tail -1 || true)
    if kill -KILL "$worker" 2>/dev/null; then
      killed=$((killed + 1))
      job=$(squeue --noheader --format %F --name gradleak-sweep | head -1)
      echo "killed the worker of share $shard"
      for _ in $(seq 40); do
        if scontrol requeue "${job}_${shard%/*}" 2>/dev/null; then break; fi
        sleep 0.25
      done
    fi
  fi
  sleep 0.2
done
[ $killed = 2 ] || { echo "no worker was seen to kill" >&2; exit 1; }
for _ in $(seq 600); do
  if [ -z "$(squeue --noheader --name gradleak-sweep,gradleak-merge)" ]; then break; fi
  sleep 0.5
done
squeue --noheader
cat array.sqlite.shards/logs/*-merge.log | tail -1
python3 - <<'PY'
import sqlite3
import sys

one, many = (
    sorted(sqlite3.connect(f"{name}.sqlite").execute("SELECT task, record FROM run")) for name in ("serial", "array")
)
print(f"{len(many)} of {len(one)} runs; equal to a serial sweep's: {one == many}")
sys.exit(one != many or not one)
PY
