using System;
using System.Collections.Generic;
using System.Linq;
using Sinter.Runtime.Checkpoints;
using Sinter.Runtime.Execution;
using Sinter.Runtime.Weights;
using Xunit;

namespace Sinter.Runtime.Tests.Execution;

public sealed class ModelSessionTests : IDisposable
{
    private const int V = CountingProgram.Vocabulary;

    private readonly TemporaryFolder _folder = new();
    private readonly CountingProgram _program = new();
    private readonly WeightTable _weights;
    private readonly List<ModelSession> _sessions = [];

    public ModelSessionTests()
    {
        CountingProgram.WriteCheckpoint(_folder.Path);
        _weights = WeightTable.Bind(_program.Description, Checkpoint.Open(_folder.Path));
    }

    public void Dispose()
    {
        foreach (ModelSession session in _sessions) session.Dispose();
        _weights.Dispose();
        _folder.Dispose();
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void A_prompt_gives_the_same_at_once_in_chunks_and_token_by_token(int threads)
    {
        int[] tokens = Tokens(50, seed: 1);
        ModelSession session = Open(new() { Threads = threads, MaxTokensPerStep = 16, MaxSequences = 2 });
        int whole = session.AddSequence(), single = session.AddSequence();
        Assert.Equal(CountingProgram.Next(tokens), Best(session.Forward(whole, tokens)));
        for (int i = 0; i < tokens.Length; i++)
            Assert.Equal(CountingProgram.Next(tokens[..(i + 1)]), Best(session.Forward(single, tokens.AsMemory(i, 1))));
        Assert.Equal(50, session.Length(whole));
    }

    [Fact]
    public void Gives_the_logits_of_all_rows()
    {
        int[] tokens = Tokens(40, seed: 2);
        ModelSession session = Open(new() { MaxTokensPerStep = 16 });
        var logits = new float[tokens.Length * V];
        session.Forward([new(session.AddSequence(), tokens)], logits, LogitRows.All);
        for (int i = 0; i < tokens.Length; i++) Assert.Equal(CountingProgram.Next(tokens[..(i + 1)]), Best(logits.AsSpan(i * V, V)));
    }

    [Fact]
    public void The_greedy_choice_is_that_of_the_logits_in_every_row()
    {
        int[] tokens = Tokens(40, seed: 2);
        ModelSession session = Open(new() { MaxTokensPerStep = 16, MaxSequences = 2 });
        int first = session.AddSequence(), second = session.AddSequence();
        var chosen = new int[41];
        session.ForwardGreedily([new(first, tokens, LogitRows.All), new(second, tokens.AsMemory(0, 7), LogitRows.Last)], chosen, LogitRows.None);
        for (int i = 0; i < 40; i++) Assert.Equal(CountingProgram.Next(tokens[..(i + 1)]), chosen[i]);
        Assert.Equal(CountingProgram.Next(tokens[..7]), chosen[40]);
        Assert.Equal(CountingProgram.Next(tokens[..9]), session.ForwardGreedily(second, tokens.AsMemory(7, 2)));
        Assert.Contains("room for 0", Assert.Throws<ArgumentException>(() => session.ForwardGreedily([new(first, tokens.AsMemory(0, 1))], [])).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Prompts_and_single_tokens_share_steps()
    {
        ModelSession session = Open(new() { MaxTokensPerStep = 16, MaxSequences = 4, Threads = 2 });
        int[][] texts = [Tokens(7, 3), Tokens(33, 4), Tokens(1, 5), Tokens(20, 6)];
        int[] sequences = [.. texts.Select(_ => session.AddSequence())];
        int steps = 0;
        session.Forward(sequences[2], Tokens(12, 7));
        texts[2] = [.. Tokens(12, 7), .. texts[2]];
        _program.OnStep = _ => steps++;
        var logits = new float[4 * V];
        session.Forward([new(sequences[3], texts[3]), new(sequences[0], texts[0]), new(sequences[2], texts[2].AsMemory(12)), new(sequences[1], texts[1])], logits);
        int[] order = [3, 0, 2, 1];
        for (int i = 0; i < 4; i++) Assert.Equal(CountingProgram.Next(texts[order[i]]), Best(logits.AsSpan(i * V, V)));
        // 20 + 7 + 1 + 33 tokens in steps of 16.
        Assert.Equal(4, steps);
    }

    [Fact]
    public void Random_batches_give_what_each_sequence_gives_alone()
    {
        var random = new Random(8);
        ModelSession session = Open(new() { MaxTokensPerStep = 32, MaxSequences = 5, Threads = 2, ExpandedPositions = 64 });
        var texts = new Dictionary<int, List<int>>();
        for (int round = 0; round < 200; round++)
        {
            if (texts.Count < 5 && random.Next(3) == 0) texts.Add(session.AddSequence(), []);
            foreach (int old in texts.Keys.Where(key => texts[key].Count > 300 || random.Next(20) == 0).ToArray())
            {
                session.Release(old);
                texts.Remove(old);
            }

            foreach ((int sequence, List<int> text) in texts.Where(pair => pair.Value.Count > 0 && random.Next(10) == 0))
            {
                int length = random.Next(text.Count);
                session.Truncate(sequence, length);
                text.RemoveRange(length, text.Count - length);
            }

            SequenceTokens[] batch = [.. texts.Keys.Where(_ => random.Next(3) > 0).Select(key => new SequenceTokens(key, Tokens(random.Next(1, 50), random.Next())))];
            var logits = new float[batch.Length * V];
            session.Forward(batch, logits);
            for (int i = 0; i < batch.Length; i++)
            {
                texts[batch[i].Sequence].AddRange(batch[i].Tokens.ToArray());
                Assert.Equal(CountingProgram.Next(texts[batch[i].Sequence]), Best(logits.AsSpan(i * V, V)));
            }
        }
    }

    [Fact]
    public void Predicts_from_the_hidden_states_of_the_last_step()
    {
        ModelSession session = Open(new() { MaxSequences = 2, Threads = 2 });
        int[] first = Tokens(5, 1), second = Tokens(9, 2);
        int one = session.AddSequence(), two = session.AddSequence();
        var logits = new float[14 * V];
        session.Forward([new(one, first), new(two, second)], logits);
        session.Predict([new(two, second.AsMemory(1)), new(one, first.AsMemory(1))], logits, LogitRows.All);
        for (int i = 0; i < 8; i++) Assert.Equal(CountingProgram.Predicted(second[..(i + 1)], second[1..(i + 2)]), Best(logits.AsSpan(i * V, V)));
        for (int i = 0; i < 4; i++) Assert.Equal(CountingProgram.Predicted(first[..(i + 1)], first[1..(i + 2)]), Best(logits.AsSpan((8 + i) * V, V)));

        session.Predict([new(one, new[] { 11 })], logits);
        Assert.Equal(CountingProgram.Predicted(first, [.. first[1..], 11]), Best(logits.AsSpan(0, V)));
        Assert.Equal(5, session.PredictedLength(one));
        Assert.Equal(8, session.PredictedLength(two));
        Assert.Equal(
            $"Sequence {one} cannot be predicted from at the positions 5 to 5: hidden states are left of the positions 0 to 4.",
            Assert.Throws<SinterException>(() => session.Predict([new(one, new[] { 1 })], logits)).Message);
        session.Forward(two, new[] { 3 });
        Assert.Equal(
            $"Sequence {one} cannot be predicted from at the positions 5 to 5: no hidden states are left.",
            Assert.Throws<SinterException>(() => session.Predict([new(one, new[] { 1 })], logits)).Message);
    }

    [Theory]
    [InlineData(LogitRows.All, 40)]
    [InlineData(LogitRows.All, 39)]
    [InlineData(LogitRows.Last, 40)]
    [InlineData(LogitRows.Last, 33)]
    public void Predicts_along_a_prompt_in_chunks(LogitRows rows, int length)
    {
        int[] tokens = Tokens(length, 3);
        int[] next = length % 2 == 0 ? [.. tokens[1..], 17] : tokens[1..];
        ModelSession session = Open(new() { MaxTokensPerStep = 16, Threads = 2 });
        float[] logits = new float[length * V], predicted = new float[length * V];
        session.ForwardAndPredict(session.AddSequence(), tokens, next, logits, predicted, rows);
        for (int i = 0; i < length; i++)
        {
            if (rows == LogitRows.All || i == length - 1)
                Assert.Equal(CountingProgram.Next(tokens[..(i + 1)]), Best(logits.AsSpan((rows == LogitRows.All ? i : 0) * V, V)));
            if (i < next.Length && (rows == LogitRows.All || i == next.Length - 1))
                Assert.Equal(CountingProgram.Predicted(tokens[..(i + 1)], next[..(i + 1)]), Best(predicted.AsSpan((rows == LogitRows.All ? i : 0) * V, V)));
        }
    }

    [Fact]
    public void Says_that_a_model_does_not_predict()
    {
        var program = new SilentProgram(_program.Description with { Predicts = false });
        using ModelSession session = ModelSession.Open(program, _weights);
        Assert.Equal("Counting cannot predict further tokens: the model has no such layer.",
            Assert.Throws<SinterException>(() => session.Predict([new(0, new[] { 1 })], new float[V])).Message);
    }

    [Theory]
    [InlineData(new[] { 1, 2, 97 }, "Token 97 (number 3 of 3) is out of range: Counting has the tokens 0 to 96.")]
    [InlineData(new[] { -1 }, "Token -1 (number 1 of 1) is out of range: Counting has the tokens 0 to 96.")]
    [InlineData(new int[0], "There are no tokens; a sequence needs at least one.")]
    public void Rejects_tokens_out_of_range(int[] tokens, string sentence)
    {
        ModelSession session = Open(new());
        int sequence = session.AddSequence();
        Assert.Equal(sentence, Assert.Throws<SinterException>(() => session.Forward(sequence, tokens)).Message);
        Assert.Equal(0, session.Length(sequence));
    }

    [Fact]
    public void Rejects_sequences_that_grow_too_long()
    {
        ModelSession session = Open(new());
        int sequence = session.AddSequence();
        Assert.Equal("The sequence is too long: 401 tokens are more than the 400 that Counting was made for.",
            Assert.Throws<SinterException>(() => session.Forward(sequence, new int[401])).Message);
        session.Forward(sequence, new int[398]);
        Assert.Equal("The sequence is too long: 3 tokens after the 398 that are there are more than the 400 that Counting was made for.",
            Assert.Throws<SinterException>(() => session.Forward(sequence, new int[3])).Message);
        ModelSession small = Open(new() { Capacity = 10 });
        Assert.Equal("The sequence is too long: 11 tokens are more than the session's Capacity of 10.",
            Assert.Throws<SinterException>(() => small.Forward(small.AddSequence(), new int[11])).Message);
    }

    [Fact]
    public void Expanded_attention_needs_room_and_gets_steps_that_fit()
    {
        ModelSession session = Open(new() { MaxSequences = 3, ExpandedPositions = 32, AttentionOrder = AttentionOrder.Expanded });
        int[] sequences = [session.AddSequence(), session.AddSequence(), session.AddSequence()];
        int steps = 0;
        _program.OnStep = _ => steps++;
        session.Forward([.. sequences.Select(sequence => new SequenceTokens(sequence, new int[20]))], new float[3 * V]);
        Assert.Equal(3, steps);
        Assert.Equal("Expanded attention over 33 positions is more than the session's ExpandedPositions of 32.",
            Assert.Throws<SinterException>(() => session.Forward(sequences[0], new int[13])).Message);
    }

    [Fact]
    public void Attention_runs_absorbed_where_expansion_does_not_fit()
    {
        ModelSession session = Open(new() { ExpandedPositions = 32 });
        var orders = new List<AttentionOrder>();
        _program.OnStep = pass => orders.Add(pass.Order);
        int sequence = session.AddSequence();
        session.Forward(sequence, new int[32]);
        session.Forward(sequence, new int[1]);
        Assert.Equal([AttentionOrder.Cheapest, AttentionOrder.Absorbed], orders);
    }

    [Fact]
    public void Rejects_more_sequences_than_slots_and_reuses_released_ones()
    {
        ModelSession session = Open(new() { MaxSequences = 2 });
        session.AddSequence();
        int second = session.AddSequence();
        Assert.Equal("No slot is free: the session holds 2 sequences already; release one or raise MaxSequences.",
            Assert.Throws<SinterException>(() => session.AddSequence()).Message);
        session.Forward(second, new[] { 1, 2, 3 });
        session.Release(second);
        Assert.Throws<ArgumentOutOfRangeException>(() => session.Forward(second, new[] { 1 }));
        Assert.Equal(second, session.AddSequence());
        Assert.Equal(CountingProgram.Next([5]), Best(session.Forward(second, new[] { 5 })));
    }

    [Fact]
    public void Rejects_a_sequence_twice_in_a_batch_and_too_little_room()
    {
        ModelSession session = Open(new());
        int sequence = session.AddSequence();
        Assert.Throws<ArgumentException>(() => session.Forward([new(sequence, new[] { 1 }), new(sequence, new[] { 2 })], new float[2 * V]));
        Assert.Throws<ArgumentException>(() => session.Forward([new(sequence, new[] { 1, 2 })], new float[V], LogitRows.All));
        Assert.Equal(0, session.Length(sequence));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    public void A_failing_step_takes_its_positions_back(int worker)
    {
        ModelSession session = Open(new() { Threads = 2 });
        int sequence = session.AddSequence();
        session.Forward(sequence, new[] { 1, 2 });
        _program.FailIn = worker;
        Assert.Equal($"Worker {worker} failed.", Assert.Throws<InvalidOperationException>(() => session.Forward(sequence, new[] { 3, 4 })).Message);
        Assert.Equal(2, session.Length(sequence));
        Assert.Equal(CountingProgram.Next([1, 2, 5]), Best(session.Forward(sequence, new[] { 5 })));
    }

    [Fact]
    public void Names_the_tensor_that_makes_logits_not_a_number()
    {
        CountingProgram.WriteCheckpoint(_folder.Path, float.NaN);
        using WeightTable weights = WeightTable.Bind(_program.Description, Checkpoint.Open(_folder.Path));
        using ModelSession session = ModelSession.Open(_program, weights);
        Assert.Equal(
            $"The logits after token 8 at position 2 are not finite numbers: {_folder["model.safetensors"]}: tensor 'shift' holds a value that is not a finite number at [1].",
            Assert.Throws<SinterException>(() => session.Forward(session.AddSequence(), new[] { 6, 7, 8 })).Message);
    }

    [Fact]
    public void A_decoding_step_allocates_nothing()
    {
        ModelSession session = Open(new() { MaxSequences = 3, Threads = 2 });
        SequenceTokens[] batch = [.. Enumerable.Range(0, 3).Select(i => new SequenceTokens(session.AddSequence(), new[] { i }))];
        var logits = new float[3 * V];
        void Decode(int steps)
        {
            for (int i = 0; i < steps; i++)
            {
                session.Forward(batch, logits);
                session.Predict(batch, logits);
                session.Truncate(batch[0].Sequence, session.Length(batch[0].Sequence) - 1);
                session.Forward(batch[0].Sequence, batch[0].Tokens);
                session.Predict(batch.AsSpan(0, 1), logits);
            }
        }

        Decode(20);
        long worker = _program.Allocated[1], before = GC.GetAllocatedBytesForCurrentThread();
        Decode(100);
        Assert.Equal(before, GC.GetAllocatedBytesForCurrentThread());
        Assert.Equal(worker, _program.Allocated[1]);
    }

    [Fact]
    public void Says_in_advance_that_memory_does_not_suffice()
    {
        var program = new SilentProgram(_program.Description with { MaxPositions = 0, Caches = [new CacheDeclaration("wide", 1 << 20)] });
        SinterException error = Assert.Throws<SinterException>(() => ModelSession.Open(program, _weights, new() { Capacity = 1 << 28, Threads = 1, ExpandedPositions = 16, MaxTokensPerStep = 16 }));
        Assert.StartsWith("There is not enough memory: 1 sequences of 268435456 positions take 2097152 GiB of caches and steps of 16 tokens ", error.Message);
        Assert.EndsWith("; lower Capacity, MaxSequences, MaxTokensPerStep or ExpandedPositions.", error.Message);
    }

    [Fact]
    public void Shrinks_the_default_capacity_to_the_machine()
    {
        var program = new SilentProgram(_program.Description with { MaxPositions = 1 << 28, Caches = [new CacheDeclaration("wide", 4096)], PositionBytes = 0 });
        using ModelSession session = ModelSession.Open(program, _weights);
        Assert.InRange(session.Capacity, 1024, 1 << 27);
    }

    [Theory]
    [InlineData("MaxSequences is 0; it must be at least 1.")]
    [InlineData("Threads is 0; it must be at least 1.")]
    [InlineData("Capacity is 0; it must be at least 1.")]
    [InlineData("MaxTokensPerStep is 0; it must be at least 1.")]
    [InlineData("A Capacity of 401 positions is more than the 400 that Counting was made for.")]
    public void Rejects_options_out_of_range(string sentence)
    {
        SessionOptions options = sentence.Split(' ')[0] switch
        {
            "MaxSequences" => new() { MaxSequences = 0 },
            "Threads" => new() { Threads = 0 },
            "Capacity" => new() { Capacity = 0 },
            "MaxTokensPerStep" => new() { MaxTokensPerStep = 0 },
            _ => new() { Capacity = 401 },
        };
        Assert.Equal(sentence, Assert.Throws<SinterException>(() => ModelSession.Open(_program, _weights, options)).Message);
    }

    [Fact]
    public void Passes_the_trace_on()
    {
        ModelSession session = Open(new() { MaxTokensPerStep = 16, Threads = 2 });
        var trace = new RowCounter();
        session.Trace = trace;
        session.Forward(session.AddSequence(), new int[20]);
        Assert.Equal([16, 4], trace.Rows);
    }

    private ModelSession Open(SessionOptions options)
    {
        ModelSession session = ModelSession.Open(_program, _weights, options);
        _sessions.Add(session);
        return session;
    }

    private static int[] Tokens(int count, int seed)
    {
        var random = new Random(seed);
        return [.. Enumerable.Range(0, count).Select(_ => random.Next(V))];
    }

    private static int Best(ReadOnlySpan<float> logits) => logits.IndexOf(logits.ToArray().Max());

    private sealed class SilentProgram(ModelDescription description) : ModelProgram
    {
        public override ModelDescription Description { get; } = description;

        public override void Forward(ref readonly Pass pass, in Worker worker)
        {
        }

        public override void Predict(ref readonly Pass pass, in Worker worker)
        {
        }
    }

    private sealed unsafe class RowCounter : ITrace
    {
        public List<int> Rows { get; } = [];

        public void Numbers(string name, int layer, float* data, int rows, int columns) => Rows.Add(rows);

        public void Indices(string name, int layer, int* data, int rows, int columns) => throw new NotSupportedException();
    }
}
