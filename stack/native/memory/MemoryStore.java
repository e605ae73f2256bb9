import de.bwaldvogel.mongo.MongoServer;
import de.bwaldvogel.mongo.MongoVersion;
import de.bwaldvogel.mongo.backend.memory.MemoryBackend;
import java.util.List;

/**
 * The store without a disk: MongoDB's wire protocol over maps in memory. Usage: MemoryStore PORT. It listens on
 * 127.0.0.1 only and runs until it is killed; nothing is kept.
 */
public final class MemoryStore {
    /** Clients refuse servers of the wire versions that the library itself tells of, which are 8 at most. */
    private static final MongoVersion VERSION = new MongoVersion() {
        @Override
        public List<Integer> getVersionArray() {
            return List.of(5, 0, 0);
        }

        @Override
        public int getWireVersion() {
            return 13;
        }
    };

    public static void main(String[] arguments) {
        new MongoServer(new MemoryBackend().version(VERSION)).bind("127.0.0.1", Integer.parseInt(arguments[0]));
    }
}
