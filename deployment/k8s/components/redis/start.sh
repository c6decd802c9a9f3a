#!/bin/sh
# The first pod is the primary, the others follow it.
set -eu
umask 077
password="$(cat /run/secrets/redis/REDIS_PASSWORD)"
printf 'requirepass %s\nmasterauth %s\n' "$password" "$password" > /tmp/password.conf
case "$(hostname)" in
  *-0) exec redis-server /etc/redis/redis.conf ;;
  *) exec redis-server /etc/redis/redis.conf --replicaof redis-0.redis-headless 6379 ;;
esac
