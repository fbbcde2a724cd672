<?php
// A shop in PHP: a page with the widgets, and the route that signs the customer's token.

$customer = $_COOKIE['customer'] ?? ''; // who is signed in; empty for a guest

// What Pointbook gives to paste; nothing while it cannot be reached, because the shop sells on.
function snippet(string $widget, array $attributes = []): string
{
    global $customer;
    $query = http_build_query($attributes + [
        'api-key' => getenv('POINTBOOK_KEY'),
        'data-token-url' => '/pointbook-token',
        'signed-in' => $customer === '' ? 'no' : 'yes',
    ]);
    $patience = stream_context_create(['http' => ['timeout' => 2]]);
    $answer = @file_get_contents(getenv('POINTBOOK') . "/widgets/snippet/$widget?$query", false, $patience) ?: '';
    return str_ends_with(rtrim($answer), '</div>') ? $answer : ''; // PHP hands on what came before an answer was cut
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
    $signed = encoded(json_encode($head)) . '.' . encoded(json_encode($claims));
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
