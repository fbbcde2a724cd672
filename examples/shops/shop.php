<?php
// A shop in PHP: a page with the widgets, and the route that signs the customer's token.

$customer = $_COOKIE['customer'] ?? ''; // who is signed in; empty for a guest
if (!is_string($customer)) {
    $customer = ''; // customer[x]=... is an array
}
$until = microtime(true) + 1; // so long a page waits for Pointbook, whatever it asks
$outage = sys_get_temp_dir() . '/pointbook-outage-' . md5(__DIR__ . getenv('POINTBOOK'));

// What Pointbook gives to paste; nothing while it cannot be reached, because the shop sells on.
function snippet(string $widget, array $attributes = []): string
{
    global $customer, $outage;
    if (@filemtime($outage) > time() - 10) {
        return ''; // it could not be reached just now
    }
    $query = http_build_query($attributes + [
        'api-key' => getenv('POINTBOOK_KEY'),
        'data-token-url' => '/pointbook-token',
        'signed-in' => $customer === '' ? 'no' : 'yes',
    ]);
    $answer = answer(getenv('POINTBOOK') . "/widgets/snippet/$widget?$query");
    if ($answer === null) {
        touch($outage);
        return '';
    }
    [$head, $body] = explode("\r\n\r\n", $answer, 2) + ['', ''];
    return preg_match('~^HTTP/\S+ 200 ~', $head) && str_ends_with(rtrim($body), '</div>') ? $body : ''; // all of it
}

// What is answered until $until, with its head, or null. The timeout of file_get_contents is that of each read.
function answer(string $url): ?string
{
    global $until;
    preg_match('~^http(s?)://([^/:]+)(:\d+)?(.*)~', $url, $part);
    [, $secure, $host, $port, $path] = $part;
    $address = ($secure ? 'tls' : 'tcp') . "://$host" . ($port ?: ($secure ? ':443' : ':80'));
    $socket = @stream_socket_client($address, $number, $why, max(0.01, $until - microtime(true)));
    if (!$socket) {
        return null;
    }
    fwrite($socket, "GET $path HTTP/1.0\r\nHost: $host$port\r\n\r\n");
    stream_set_blocking($socket, false);
    $answer = '';
    while (!feof($socket)) {
        $left = (int) (1e6 * ($until - microtime(true)));
        $readable = [$socket];
        if ($left <= 0 || !stream_select($readable, $writable, $special, 0, $left)) {
            return null;
        }
        $answer .= fread($socket, 65536);
    }
    return $answer;
}

function encoded(string $content): string
{
    return rtrim(strtr(base64_encode($content), '+/', '-_'), '=');
}

// A JWT for the customer, good for 15 minutes.
function token(string $customer): string
{
    $now = time();
    $head = ['alg' => 'HS256', 'typ' => 'JWT', 'kid' => getenv('TOKEN_KID')];
    $claims = ['aud' => 'pointbook', 'sub' => $customer, 'iat' => $now, 'exp' => $now + 900];
    $signed = encoded(json_encode($head)) . '.' . encoded(json_encode($claims, JSON_INVALID_UTF8_SUBSTITUTE));
    return $signed . '.' . encoded(hash_hmac('sha256', $signed, getenv('TOKEN_SECRET'), true));
}

header('Cache-Control: no-store');
if (explode('?', $_SERVER['REQUEST_URI'])[0] === '/pointbook-token') {
    if ($customer === '') {
        http_response_code(204);
        return;
    }
    header('Content-Type: application/json');
    echo json_encode(['token' => token($customer)]);
    return;
}
$cart = json_encode(['id' => 'cart-1', 'total' => '24.90', 'currency' => 'EUR']);
?>
<!doctype html>
<html lang="de">
<meta name="viewport" content="width=device-width">
<title>Shop</title>
<h1>Espresso</h1>
<?= snippet('product', ['article' => 'espresso', 'price' => '24.90']) ?>
<label>Voucher <input id="voucher"></label>
<?= snippet('checkout', ['cart' => $cart, 'apply-to' => '#voucher']) ?>
<?= snippet('account') ?>
