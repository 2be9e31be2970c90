#!/bin/bash
# Trains @NETWORK@ on @CARDS@ card(s): the @KIND@ run. Its log of results is what ModelZoo reads.

Network="@NETWORK@"
RANK_SIZE=@CARDS@
batch_size=64 # on each card
train_epochs=@EPOCHS@
learning_rate=@RATE@
data_path=""

for para in "$@"; do
    case $para in
        --data_path=*) data_path=${para#*=} ;;
        --batch_size=*) batch_size=${para#*=} ;;
        --train_epochs=*) train_epochs=${para#*=} ;;
        --learning_rate=*) learning_rate=${para#*=} ;;
        -h | --help)
            echo "usage: bash $0 --data_path=DIR [--batch_size=N] [--train_epochs=N] [--learning_rate=X]"
            exit 0
            ;;
        *)
            echo "[Error] unknown argument $para"
            exit 1
            ;;
    esac
done
if [[ ! -d $data_path ]]; then
    echo "[Error] para \"data_path\" must be config: give the folder of the data set"
    exit 1
fi
data_path=$(cd "$data_path" && pwd)

# Runs from the project's folder, wherever it was started.
cur_path=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$cur_path" || exit 1
ASCEND_DEVICE_ID=${ASCEND_DEVICE_ID:-0}

# A platform that sets the environment itself says so in etp_running_flag.
if [[ ${etp_running_flag:-} != true ]]; then
    # shellcheck source=/dev/null
    source "$cur_path/test/env_npu.sh"
fi

start_time=$(date +%s)
export RANK_SIZE MASTER_ADDR=127.0.0.1 MASTER_PORT="${MASTER_PORT:-29688}"
pids=()
for ((rank = 0; rank < RANK_SIZE; rank++)); do
    device=$((ASCEND_DEVICE_ID + rank))
    mkdir -p "$cur_path/test/output/$device"
    RANK_ID=$rank DEVICE_ID=$device python3 main.py \
        --data_path "$data_path" \
        --epochs "$train_epochs" \
        --batch_size "$batch_size" \
        --learning_rate "$learning_rate" \
        >"$cur_path/test/output/$device/train_$device.log" 2>&1 &
    pids+=($!)
done
failed=0
for pid in "${pids[@]}"; do
    wait "$pid" || failed=$((failed + 1))
done
end_time=$(date +%s)
e2e_time=$((end_time - start_time))

# The first rank's log has the figures of all. Adapt the three lines to what your training prints.
output=$cur_path/test/output/$ASCEND_DEVICE_ID
log=$output/train_$ASCEND_DEVICE_ID.log
if ((failed)); then
    echo "[Error] $failed of $RANK_SIZE processes failed, see test/output/*/train_*.log"
    tail -n 5 "$log"
    exit 1
fi
FPS=$(grep "FPS" "$log" | awk '{sum += $NF} END {if (NR) printf("%.2f", sum / NR)}')
train_accuracy=$(grep "Acc@1" "$log" | awk 'END {print $NF}')
ActualLoss=$(grep "Loss" "$log" | awk -F "Loss" '{print $2}' | awk 'END {print $1}')

echo "------------------ Final result ------------------"
echo "Final Performance images/sec : $FPS"
echo "Final Train Accuracy : $train_accuracy"
echo "E2E Training Duration sec : $e2e_time"

CaseName=${Network}_bs${batch_size}_${RANK_SIZE}p_@CASE@
TrainingTime=$(awk -v images=$((batch_size * RANK_SIZE)) -v fps="$FPS" 'BEGIN {if (fps) printf("%.2f", images * 1000 / fps)}')
{
    echo "Network = ${Network}"
    echo "RankSize = ${RANK_SIZE}"
    echo "BatchSize = ${batch_size}"
    echo "DeviceType = $(uname -m)"
    echo "CaseName = ${CaseName}"
    echo "ActualFPS = ${FPS}"
    echo "TrainingTime = ${TrainingTime}"
    echo "TrainAccuracy = ${train_accuracy}"
    echo "ActualLoss = ${ActualLoss}"
    echo "E2ETrainingTime = ${e2e_time}"
    echo "Epochs = ${train_epochs}"
} >"$output/$CaseName.log"
