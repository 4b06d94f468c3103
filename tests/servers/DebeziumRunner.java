import io.debezium.engine.ChangeEvent;
import io.debezium.engine.DebeziumEngine;
import io.debezium.engine.format.Json;
import java.io.BufferedWriter;
import java.io.IOException;
import java.io.Reader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;
import java.util.Properties;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Future;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.clients.producer.RecordMetadata;
import org.apache.kafka.common.serialization.StringSerializer;

/**
 * Debezium's embedded engine until SIGTERM. The argument is a properties file: what begins with "producer." is for a
 * Kafka producer, "output.file" names a file for the events instead (a JSON line each), all else is the engine's.
 * A batch is handed back to the engine when all of it is acknowledged, as Debezium Server's Kafka sink does.
 */
public final class DebeziumRunner {
    private static final String PRODUCER = "producer.";
    private static final String FILE = "output.file";

    private interface Output extends AutoCloseable {
        void write(List<ChangeEvent<String, String>> events) throws InterruptedException;

        @Override
        void close();
    }

    private static final class Kafka implements Output {
        private final KafkaProducer<String, String> producer;

        Kafka(Properties properties) {
            producer = new KafkaProducer<>(properties, new StringSerializer(), new StringSerializer());
        }

        @Override
        public void write(List<ChangeEvent<String, String>> events) throws InterruptedException {
            List<Future<RecordMetadata>> sent = new ArrayList<>(events.size());
            for (ChangeEvent<String, String> event : events) {
                sent.add(producer.send(new ProducerRecord<>(event.destination(), event.key(), event.value())));
            }
            producer.flush();
            for (Future<RecordMetadata> one : sent) {
                try {
                    one.get();
                } catch (ExecutionException error) {
                    throw new IllegalStateException("Kafka refused an event", error.getCause());
                }
            }
        }

        @Override
        public void close() {
            producer.close();
        }
    }

    private static final class Lines implements Output {
        private final BufferedWriter writer;

        Lines(Path path) throws IOException {
            writer = Files.newBufferedWriter(
                path, StandardCharsets.UTF_8, StandardOpenOption.CREATE, StandardOpenOption.APPEND);
        }

        @Override
        public void write(List<ChangeEvent<String, String>> events) {
            try {
                for (ChangeEvent<String, String> event : events) {
                    // Keys and values are JSON already; a tombstone's value is null.
                    writer.write("{\"topic\":\"" + event.destination() + "\",\"key\":" + event.key()
                        + ",\"value\":" + event.value() + "}\n");
                }
                writer.flush();
            } catch (IOException error) {
                throw new IllegalStateException("the output file cannot be written", error);
            }
        }

        @Override
        public void close() {
            try {
                writer.close();
            } catch (IOException error) {
                throw new IllegalStateException("the output file cannot be closed", error);
            }
        }
    }

    public static void main(String[] arguments) throws Exception {
        Properties given = new Properties();
        try (Reader reader = Files.newBufferedReader(Path.of(arguments[0]))) {
            given.load(reader);
        }
        Properties engineProperties = new Properties();
        Properties producerProperties = new Properties();
        for (String name : given.stringPropertyNames()) {
            if (name.startsWith(PRODUCER)) {
                producerProperties.setProperty(name.substring(PRODUCER.length()), given.getProperty(name));
            } else if (!name.equals(FILE)) {
                engineProperties.setProperty(name, given.getProperty(name));
            }
        }
        String file = given.getProperty(FILE);
        Output output = file == null ? new Kafka(producerProperties) : new Lines(Path.of(file));
        boolean[] failed = {false};
        DebeziumEngine<ChangeEvent<String, String>> engine = DebeziumEngine.create(Json.class)
            .using(engineProperties)
            .using((success, message, error) -> {
                failed[0] = !success;
                System.err.println("engine ended: " + message);
                if (error != null) {
                    error.printStackTrace();
                }
            })
            .notifying((events, committer) -> {
                List<ChangeEvent<String, String>> wanted = new ArrayList<>(events.size());
                for (ChangeEvent<String, String> event : events) {
                    if (!event.destination().startsWith("__debezium-heartbeat")) {
                        wanted.add(event);
                    }
                }
                output.write(wanted);
                for (ChangeEvent<String, String> event : events) {
                    committer.markProcessed(event);
                }
                committer.markBatchFinished();
            })
            .build();
        Thread main = Thread.currentThread();
        Runtime.getRuntime().addShutdownHook(new Thread(() -> {
            try {
                engine.close();
                main.join();
            } catch (IOException | InterruptedException | IllegalStateException error) {
                System.err.println("stopping: " + error);
            }
        }));
        engine.run();
        output.close();
        if (failed[0]) {
            Runtime.getRuntime().halt(1);
        }
    }
}
