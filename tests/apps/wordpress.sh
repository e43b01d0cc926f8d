#!/usr/bin/env bash
# A real WordPress on loopback: `wordpress.sh start` prints the variables its mapping needs, `wordpress.sh stop` ends it.
# Every start begins with an empty database: on the MariaDB of PORTOLAN_TEST_MARIADB, or on one of its own.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"
APP=$CACHE/wordpress
. "$REPO/tests/apps/php.sh"

PORT=${WORDPRESS_PORT:-18511}
SITE=$APP/root/usr/share/wordpress
NAME=portolan_wordpress          # the database, and who may use it

sql() { mariadb --no-defaults --protocol=tcp -h 127.0.0.1 -P "${PORTOLAN_TEST_MARIADB##*:}" -u portolan -pportolan -e "$1"; }

write_config() {
  cat >"$SITE/wp-config.php" <<PHP
<?php
define('DB_NAME', '$NAME');
define('DB_USER', '$NAME');
define('DB_PASSWORD', '$NAME');
define('DB_HOST', '127.0.0.1:${PORTOLAN_TEST_MARIADB##*:}');
define('DB_CHARSET', 'utf8mb4');
define('DB_COLLATE', '');
foreach (['AUTH', 'SECURE_AUTH', 'LOGGED_IN', 'NONCE'] as \$name) { define(\$name . '_KEY', \$name); define(\$name . '_SALT', \$name); }
define('WP_HOME', 'http://127.0.0.1:$PORT');
define('WP_SITEURL', 'http://127.0.0.1:$PORT');
define('WP_ENVIRONMENT_TYPE', 'local');          // application passwords without TLS
define('WP_HTTP_BLOCK_EXTERNAL', true);
define('AUTOMATIC_UPDATER_DISABLED', true);
define('DISABLE_WP_CRON', true);
\$table_prefix = 'wp_';
if (!defined('ABSPATH')) define('ABSPATH', __DIR__ . '/');
require_once ABSPATH . 'wp-settings.php';
PHP
}

# Makes the tables and an administrator, and prints an application password of hers.
install() {
  cat >"$APP/install.php" <<'PHP'
<?php
define('WP_INSTALLING', true);
$_SERVER['HTTP_HOST'] = '127.0.0.1';
require $argv[1] . '/wp-load.php';
require_once ABSPATH . 'wp-admin/includes/upgrade.php';
add_filter('pre_wp_mail', '__return_true');      // nobody is written to
$made = wp_install('Portolan', 'admin', 'admin@example.com', false, '', 'portolan-admin');
update_option('permalink_structure', '/%postname%/');
echo WP_Application_Passwords::create_new_application_password($made['user_id'], ['name' => 'scim'])[0];
PHP
  php -d display_errors=0 "$APP/install.php" "$SITE"
}

case ${1:-} in
  start)
    php_with mysqli mbstring xml
    unpacked wordpress
    ended
    a_database PORTOLAN_TEST_MARIADB
    sql "DROP DATABASE IF EXISTS $NAME; CREATE DATABASE $NAME CHARACTER SET utf8mb4; CREATE USER IF NOT EXISTS $NAME@'127.0.0.1' IDENTIFIED BY '$NAME';
         GRANT ALL ON $NAME.* TO $NAME@'127.0.0.1'"
    write_config
    password=$(install) || { ended; die "WordPress could not be installed: $password"; }
    serve "$PORT" "$SITE"
    wait_http "http://127.0.0.1:$PORT/wp-json/wp/v2/users" 60 || { tail -20 "$APP/log" >&2; ended; die "WordPress did not start"; }
    echo "WORDPRESS_URL=http://127.0.0.1:$PORT/wp-json/wp/v2"
    echo "WORDPRESS_USER=admin"
    echo "WORDPRESS_PASSWORD=$password"
    echo "WORDPRESS_HEIR=1"             # the administrator, who gets what people leave behind
    ;;
  stop) ended ;;
  *) die "usage: $0 start|stop" ;;
esac
