// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
// One HTTPS request of Java's own client, which connects through IPv4-mapped addresses. Prints the
// JSON line of hf.py. Usage: java Get.java CA HOST PATH
import java.io.FileInputStream;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.security.KeyStore;
import java.security.cert.CertificateFactory;
import javax.net.ssl.SSLContext;
import javax.net.ssl.TrustManagerFactory;

public class Get {
	static SSLContext trusting(String path) throws Exception {
		KeyStore store = KeyStore.getInstance(KeyStore.getDefaultType());
		store.load(null, null);
		try (FileInputStream in = new FileInputStream(path)) {
			store.setCertificateEntry("ca", CertificateFactory.getInstance("X.509").generateCertificate(in));
		}
		TrustManagerFactory factory = TrustManagerFactory.getInstance("PKIX");
		factory.init(store);
		SSLContext context = SSLContext.getInstance("TLS");
		context.init(null, factory.getTrustManagers(), null);
		return context;
	}

	static String chain(Throwable error) {
		StringBuilder texts = new StringBuilder();
		for (; error != null; error = error.getCause())
			texts.append(texts.length() == 0 ? "" : ",").append('"')
				.append(error.toString().replace("\"", "'")).append('"');
		return texts.toString();
	}

	public static void main(String[] args) throws Exception {
		HttpClient client = HttpClient.newBuilder().sslContext(trusting(args[0])).build();
		HttpRequest request = HttpRequest.newBuilder(URI.create("https://" + args[1] + args[2])).build();
		long start = System.nanoTime();
		String outcome;
		try {
			outcome = "\"status\": " + client.send(request, HttpResponse.BodyHandlers.ofString()).statusCode();
		} catch (Exception error) {
			outcome = "\"error\": [" + chain(error) + "]";
		}
		System.out.printf("{%s, \"seconds\": %.3f}%n", outcome, (System.nanoTime() - start) / 1e9);
	}
}
