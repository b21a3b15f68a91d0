import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import java.util.Map;
import java.util.concurrent.Executors;

/** A peer that answers, and nothing more: chapter 0 of the course. Java 17, no libraries. */
public class Peer {
    /** Takes the body of the request, JSON, and returns the answer, JSON. */
    interface Verb {
        String answer(String asked) throws Exception;
    }

    /** What the lab may ask for, by name. */
    static final Map<String, Verb> VERBS = new HashMap<>();

    public static void main(String[] args) throws IOException {
        Map<String, String> env = System.getenv();
        var address = new InetSocketAddress(env.get("PEER_HOST"), Integer.parseInt(env.get("PEER_CONTROL_PORT")));
        String token = "Bearer " + env.get("PEER_CONTROL_TOKEN");
        HttpServer control = HttpServer.create(address, 128);
        control.setExecutor(Executors.newCachedThreadPool());
        control.createContext("/healthz", exchange -> send(exchange, 200, "{}"));
        control.createContext("/control/", exchange -> {
            String asked = new String(exchange.getRequestBody().readAllBytes(), StandardCharsets.UTF_8);
            String path = exchange.getRequestURI().getPath();
            Verb verb = VERBS.get(path.substring("/control/".length()));
            if (!token.equals(exchange.getRequestHeaders().getFirst("authorization"))) {
                refuse(exchange, 401, "unauthorized", "the token is missing or wrong");
            } else if (verb == null) {
                refuse(exchange, 404, "no-such-route", "this peer has no " + path + " yet");
            } else {
                try {
                    send(exchange, 200, verb.answer(asked));
                } catch (Exception error) {
                    refuse(exchange, 500, "internal", String.valueOf(error.getMessage()));
                }
            }
        });
        control.start();
        System.out.println("{\"level\":30,\"msg\":\"it answers\"}");
        // Without it, Java ends at SIGTERM with exit code 143.
        Runtime.getRuntime().addShutdownHook(new Thread(() -> Runtime.getRuntime().halt(0)));
    }

    static void refuse(HttpExchange exchange, int status, String code, String message) throws IOException {
        String told = message.replace("\\", "\\\\").replace("\"", "\\\"");
        send(exchange, status, "{\"error\":{\"code\":\"" + code + "\",\"message\":\"" + told + "\"}}");
    }

    static void send(HttpExchange exchange, int status, String told) throws IOException {
        byte[] body = told.getBytes(StandardCharsets.UTF_8);
        exchange.getResponseHeaders().set("content-type", "application/json");
        exchange.sendResponseHeaders(status, body.length);
        try (var out = exchange.getResponseBody()) {
            out.write(body);
        }
    }
}
