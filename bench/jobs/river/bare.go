package main

import (
	"context"
	"fmt"
	"log"
	"runtime"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
)

// What PostgreSQL can do at best when nothing but the loop is there: the shape of the tables is that of a queue, no
// index covers what a claim or a finish changes, and half of each page is free for newer versions of its rows.
const table = `CREATE TABLE bare (
	id      bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	status  smallint NOT NULL DEFAULT 0,
	fence   integer NOT NULL DEFAULT 0,
	content text NOT NULL
) WITH (fillfactor = 50)`

const (
	insert = `INSERT INTO bare (content) SELECT unnest($1::text[]) RETURNING id`
	claim  = `UPDATE bare SET status = 1, fence = fence + 1 WHERE id = ANY (ARRAY(
		SELECT id FROM bare WHERE id > $1 AND status = 0 ORDER BY id LIMIT $2 FOR UPDATE SKIP LOCKED
	)) RETURNING id, fence, content`
	finish = `UPDATE bare SET status = 2 FROM unnest($1::bigint[], $2::integer[]) AS done (id, fence)
		WHERE bare.id = done.id AND bare.fence = done.fence AND status = 1`
)

// river bare URL enqueue CLIENTS SECONDS   prints the seconds that it took
// river bare URL work JOBS BATCH LOOPS     the same, of jobs that it inserts first
func bare(ctx context.Context, url string, arguments []string) {
	one := connect(ctx, url)
	_, err := one.Exec(ctx, table)
	check(err)
	switch arguments[0] {
	case "enqueue":
		bareEnqueue(ctx, url, number(arguments[1]), duration(arguments[2]+"s"))
	case "work":
		jobs, batch, loops := number(arguments[1]), number(arguments[2]), number(arguments[3])
		bareFill(ctx, one, jobs)
		bareWork(ctx, url, jobs, batch, loops)
	default:
		log.Fatalf("unknown command %q", arguments[0])
	}
}

func connect(ctx context.Context, url string) *pgx.Conn {
	connection, err := pgx.Connect(ctx, url)
	check(err)
	return connection
}

type waiting struct {
	content string
	done    chan int64
}

// Two connections, each of which inserts whatever waits, in one statement, and hands each caller the id of its row.
func bareEnqueue(ctx context.Context, url string, clients int, limit time.Duration) {
	queue := make(chan waiting, clients)
	for range 2 {
		connection := connect(ctx, url)
		go func() {
			for one := range queue {
				// Lets the callers that were just answered come back.
				runtime.Gosched()
				batch := []waiting{one}
				for len(queue) > 0 && len(batch) < clients {
					batch = append(batch, <-queue)
				}
				contents := make([]string, len(batch))
				for place, waiting := range batch {
					contents[place] = waiting.content
				}
				for place, id := range ids(ctx, connection, contents) {
					batch[place].done <- id
				}
			}
		}()
	}
	took := callers(clients, limit, func(number int64) {
		done := make(chan int64, 1)
		queue <- waiting{content(number), done}
		<-done
	})
	fmt.Println("seconds", seconds(took))
}

func bareFill(ctx context.Context, connection *pgx.Conn, jobs int) {
	for first := 0; first < jobs; first += bulk {
		var contents []string
		for number := first; number < min(first+bulk, jobs); number++ {
			contents = append(contents, content(int64(number)))
		}
		ids(ctx, connection, contents)
	}
}

func ids(ctx context.Context, connection *pgx.Conn, contents []string) []int64 {
	rows, err := connection.Query(ctx, insert, contents)
	check(err)
	ids, err := pgx.CollectRows(rows, pgx.RowTo[int64])
	check(err)
	return ids
}

// Each loop claims a batch and finishes it, and looks only behind what it has claimed before.
func bareWork(ctx context.Context, url string, jobs, batch, loops int) {
	var all sync.WaitGroup
	began := time.Now()
	for range loops {
		all.Go(func() {
			connection, last := connect(ctx, url), int64(0)
			for {
				rows, err := connection.Query(ctx, claim, last, batch)
				check(err)
				var ids []int64
				var fences []int32
				for rows.Next() {
					var id int64
					var fence int32
					var content string
					check(rows.Scan(&id, &fence, &content))
					ids, fences, last = append(ids, id), append(fences, fence), max(last, id)
				}
				check(rows.Err())
				if len(ids) == 0 {
					return
				}
				done, err := connection.Exec(ctx, finish, ids, fences)
				check(err)
				if done.RowsAffected() != int64(len(ids)) {
					log.Fatal("a fence did not hold")
				}
			}
		})
	}
	all.Wait()
	fmt.Println("seconds", seconds(time.Since(began)))
}
