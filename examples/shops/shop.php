<?php
// A shop in PHP: a page with the widgets, and the route that signs the customer's token.

// What Pointbook gives to paste; nothing while it cannot be reached, because the shop sells on.
function snippet(string $widget, array $attributes = []): string
{
    $query = http_build_query($attributes + [
        'api-key' => getenv('POINTBOOK_KEY'),
        'data-token-url' => '/pointbook-token',
        'signed-in' => isset($_COOKIE['customer']) ? 'yes' : 'no',
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
if ($_SERVER['REQUEST_URI'] === '/pointbook-token') {
    if (!isset($_COOKIE['customer'])) {
        http_response_code(204);
        return;
    }
    header('Content-Type: application/json');
    echo json_encode(['token' => token($_COOKIE['customer'])]);
    return;
}
$cart = json_encode(['id' => 'cart-1', 'total' => '24.90', 'currency' => 'EUR']);
?>
<!doctype html>
<html lang="de">
<title>Shop</title>
<h1>Espresso</h1>
<?= snippet('product', ['article' => 'espresso', 'price' => '24.90']) ?>
<label>Voucher <input id="voucher"></label>
<?= snippet('checkout', ['cart' => $cart, 'apply-to' => '#voucher']) ?>
<?= snippet('account') ?>
