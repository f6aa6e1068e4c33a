import com.fasterxml.jackson.databind.BeanDescription;
import com.fasterxml.jackson.databind.JavaType;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.introspect.BeanPropertyDefinition;
import com.fasterxml.jackson.dataformat.yaml.YAMLFactory;
import java.io.File;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/** Reads Kafka resources with Strimzi's own classes, and prints the fields that are unknown or cannot be read. */
class Strimzi {
    private static final String MODEL = "io.strimzi.api.kafka.model.";
    private static final Map<String, String> CLASSES = Map.of(
            "Kafka", MODEL + "kafka.Kafka",
            "KafkaNodePool", MODEL + "nodepool.KafkaNodePool",
            "KafkaTopic", MODEL + "topic.KafkaTopic",
            "KafkaUser", MODEL + "user.KafkaUser");
    private static final ObjectMapper YAML = new ObjectMapper(new YAMLFactory());
    private static final List<String> MISTAKES = new ArrayList<>();

    public static void main(String[] files) throws Exception {
        int read = 0;
        for (String file : files) {
            for (JsonNode resource : YAML.readerFor(JsonNode.class).<JsonNode>readValues(new File(file)).readAll()) {
                if (resource.path("apiVersion").asText().startsWith("kafka.strimzi.io/")) {
                    JavaType type = YAML.constructType(Class.forName(CLASSES.get(resource.get("kind").asText())));
                    String name = resource.get("kind").asText() + " " + resource.at("/metadata/name").asText();
                    check(resource, type, new File(file).getName() + ": " + name);
                    read++;
                }
            }
        }
        MISTAKES.forEach(System.out::println);
        System.out.println("Strimzi reads " + read + " resources, " + MISTAKES.size() + " mistakes");
        System.exit(MISTAKES.isEmpty() && read > 0 ? 0 : 1);
    }

    private static void check(JsonNode node, JavaType type, String where) throws Exception {
        if (type.isCollectionLikeType() && node.isArray()) {
            for (int i = 0; i < node.size(); i++) {
                check(node.get(i), type.getContentType(), where + "[" + i + "]");
            }
        } else if (type.isMapLikeType() || !node.isObject()) {
            read(node, type, where);
        } else {
            Object value = read(node, type, where);
            if (value != null && !(value instanceof Map)) {
                checkFields(node, YAML.constructType(value.getClass()), where);
            }
        }
    }

    private static void checkFields(JsonNode node, JavaType type, String where) throws Exception {
        BeanDescription bean = YAML.getDeserializationConfig().introspect(type);
        List<String> known = new ArrayList<>();
        for (BeanPropertyDefinition field : bean.findProperties()) {
            known.add(field.getName());
            JsonNode inner = node.get(field.getName());
            if (inner != null && !inner.isNull()) {
                check(inner, field.getPrimaryType(), where + "." + field.getName());
            } else if (field.isRequired()) {
                MISTAKES.add(where + "." + field.getName() + ": is missing");
            }
        }
        node.fieldNames().forEachRemaining(name -> {
            if (!known.contains(name)) {
                MISTAKES.add(where + "." + name + ": unknown field");
            }
        });
    }

    private static Object read(JsonNode node, JavaType type, String where) {
        try {
            Object value = YAML.treeToValue(node, type);
            if (value == null) {
                // Strimzi's enumerations read an unknown word as null.
                MISTAKES.add(where + ": invalid value " + node);
            }
            return value;
        } catch (Exception error) {
            MISTAKES.add(where + ": " + error.getMessage());
            return null;
        }
    }
}
