#!/bin/bash
# The environment of a training on NPUs. On a machine without CANN nothing is sourced.
install_info=/etc/Ascend/ascend_cann_install.info
cann_path=/usr/local/Ascend
if [[ -f $install_info ]]; then
    cann_path=$(grep Install_Path "$install_info" | cut -d "=" -f 2)
fi
for set_env in "$cann_path/ascend-toolkit/set_env.sh" "$cann_path/nnae/set_env.sh"; do
    if [[ -f $set_env ]]; then
        # shellcheck source=/dev/null
        source "$set_env"
        break
    fi
done

export ASCEND_SLOG_PRINT_TO_STDOUT=0 # logs to files, not to the terminal
export ASCEND_GLOBAL_LOG_LEVEL=3     # 0 debug, 1 info, 2 warning, 3 error
export ASCEND_GLOBAL_EVENT_ENABLE=0
export TASK_QUEUE_ENABLE=1           # operators are launched from a queue
export HCCL_WHITELIST_DISABLE=1      # no list of trusted hosts
