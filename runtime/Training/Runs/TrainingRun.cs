using System;
using System.Diagnostics;
using System.IO;
using System.Linq;
using System.Text.Json.Nodes;
using System.Threading;
using Sinter.Runtime.Checkpoints;
using Sinter.Runtime.Training.Data;
using Sinter.Runtime.Training.Ranks;
using Sinter.Runtime.Training.Schedules;

namespace Sinter.Runtime.Training.Runs;

/// <summary>
/// Trains a model by its recipe: rows from the data, steps of the session, schedules, validation, checkpoints. A run that goes
/// on from a checkpoint makes the very steps that it would have made without the interruption.
/// </summary>
public sealed partial class TrainingRun : IDisposable
{
    /// <summary>Sequences that go to the session in one call, between which cancellation is looked at.</summary>
    private const int SequencesACall = 8;

    private readonly TrainingRecipe _recipe;
    private readonly RunOptions _options;
    private readonly OpenSession _open;
    private readonly TokenStore _store;
    private readonly TokenStore? _validation;
    private readonly DocumentMarks _marks;
    private readonly IRunObserver _observer;
    private readonly IRowSource _rows;
    private readonly RunSchedules _schedules;
    private readonly Plateau? _plateau;
    private readonly ICommunicator _ranks;
    private readonly RunCheckpoints _checkpoints;
    private TrainedModel? _model;
    private ValidationRows? _validationRows;
    private int _stage = -1;
    private TrainingClock _clock, _stageStart, _saved = new(-1, -1);

    /// <param name="open">Opens sessions of the model.</param>
    /// <param name="store">The tokens to train on; not disposed of.</param>
    /// <param name="validation">The tokens to validate on; null for the documents that the recipe holds out.</param>
    /// <exception cref="SinterException">The recipe does not say when training ends, or does not suit the data.</exception>
    public TrainingRun(TrainingRecipe recipe, RunOptions options, OpenSession open, TokenStore store, TokenStore? validation, DocumentMarks marks, IRunObserver observer)
    {
        (_recipe, _options, _open, _store, _validation, _marks, _observer) = (recipe, options, open, store, validation, marks, observer);
        _ranks = options.Ranks;
        bool isForEver = double.IsInfinity(recipe.Rate.Phases[^1].Amount) && recipe.Stages[^1] is { Steps: null, Tokens: null };
        if (isForEver && options is { Steps: null, Tokens: null })
            throw new SinterException("Nothing says when training ends: give --steps or --tokens, or let the rate's last phase or the last stage have a length.");
        _rows = recipe.Data.Order == RowOrder.Packed ? new PackedRows(store, marks, recipe.Data, options.Seed) : new WindowRows(store, marks, recipe.Data, options.Seed);
        _schedules = new RunSchedules(recipe);
        _plateau = recipe.Plateau is { } settings ? new Plateau(settings) : null;
        _checkpoints = new RunCheckpoints(Path.Combine(options.Folder, ModelConfig.CheckpointsOfRun), options.Keep);
    }

    private TrainingStage Stage => _recipe.Stages[_stage];

    private TrainingSession Session => _model!.Session;

    /// <summary>Whether this process writes what all of them make.</summary>
    private bool Writes => _ranks.Rank == 0;

    /// <summary>Trains to the end.</summary>
    /// <exception cref="SinterException">The loss is no longer a number, a checkpoint cannot be written or resumed from.</exception>
    /// <exception cref="OperationCanceledException">Cancelled; a checkpoint of the last whole step has been made.</exception>
    public void Train(CancellationToken cancellation = default)
    {
        Directory.CreateDirectory(_options.Folder);
        if (Writes) _checkpoints.Sweep();
        if (_options.Resume) Resume();
        else if (_checkpoints.Last is { } old) throw new SinterException($"{_options.Folder} holds a run already, as far as {Path.GetFileName(old)}: give --resume to go on with it, or another folder.");
        if (_stage < 0) Enter(0, isNew: true);

        using MetricsLog? log = Writes ? new MetricsLog(_options.Folder, _clock.Steps) : null;
        var watch = Stopwatch.StartNew();
        TrainingClock began = _clock;
        if (_clock.Steps == 0) Validate(log);
        try
        {
            while (Continues())
            {
                StepMetrics step = Step(cancellation);
                log?.Add(step);
                if (Writes) _observer.Stepped(step, Remaining(watch.Elapsed, _clock.Since(began)));
                if (_clock.Steps % _options.ValidateEvery == 0) Validate(log);
                if (_clock.Steps % _options.SaveEvery == 0) Save();
            }

            // Out of turn: a run that goes on from here must not have seen it.
            if (_clock.Steps % _options.ValidateEvery != 0) Validate(log, isInTurn: false);
        }
        catch (OperationCanceledException)
        {
            // Gradients of a step that was not finished are not part of a checkpoint.
            if (_clock.Steps > 0) Save();
            throw;
        }

        Save();
    }

    public void Dispose() => _model?.Session.Dispose();

    /// <summary>Whether there is a further step, in this stage or the next.</summary>
    private bool Continues()
    {
        if (_clock.Steps >= (_options.Steps ?? long.MaxValue) || _clock.Tokens >= (_options.Tokens ?? long.MaxValue)) return false;
        while (Stage.IsOver(_clock.Since(_stageStart)))
        {
            if (_stage + 1 == _recipe.Stages.Count) return false;
            Enter(_stage + 1, isNew: true);
        }

        _schedules.Rate.Advance(_clock);
        if (Stage is not { Steps: null, Tokens: null } || !_schedules.Rate.IsOver) return true;
        if (_stage + 1 == _recipe.Stages.Count) return _options.Steps is not null || _options.Tokens is not null;
        Enter(_stage + 1, isNew: true);
        return Continues();
    }

    private void Enter(int stage, bool isNew)
    {
        TrainedModel? old = _model;
        bool reopens = old is null || Stage.Length != _recipe.Stages[stage].Length || Stage.Rope != _recipe.Stages[stage].Rope;
        _stage = stage;
        if (reopens)
        {
            _model = _open(Stage);
            if (old is null) Session.Initialise(_options.Seed, _recipe.Deviation);
            else SessionState.Carry(old.Session, Session);
            old?.Session.Dispose();
            _validationRows = null;
        }

        if (isNew) _stageStart = _clock;
        _rows.Mix(Stage.Mixture ?? _recipe.Data.Mixture);
    }

    private StepMetrics Step(CancellationToken cancellation)
    {
        long started = Stopwatch.GetTimestamp();
        int length = Stage.Length, beyond = 1 + Session.Depth;
        int sequences = Stage.Batch ?? (int)Math.Max(1, Math.Round(_schedules.Batch.At(_clock, _clock)));
        var after = new TrainingClock(_clock.Steps + 1, _clock.Tokens + (long)sequences * length);
        double rate = (Stage.Rate ?? _schedules.Rate.At(_clock, after)) * (_plateau?.Factor ?? 1);
        double speed = _schedules.BiasSpeed.At(_clock, after);
        var factors = new ObjectiveFactors(sequences, _schedules.At(_recipe.Prediction, _clock, after), _schedules.At(_recipe.Balance, _clock, after));

        JsonObject place = _rows.Save();
        BatchReport report = Accumulate(factors, length, beyond, cancellation);
        double loss = report.Total(factors);
        if (!double.IsFinite(loss)) throw NotFinite($"the loss is {loss}");
        double norm = Session.Step(_recipe.Optimizer, rate, _recipe.Clip);
        if (!double.IsFinite(norm))
        {
            // The step has cleared the gradients, and they are to tell where: once more.
            _rows.Restore(place);
            Accumulate(factors, length, beyond, cancellation);
            throw NotFinite($"the gradients' norm is {norm}");
        }

        foreach ((BalancedLayer layer, int[] loads) in Session.BalancedLayers.Zip(report.Loads))
            if (layer.Bias is { } bias) RoutingBias.Update(bias.Weights, loads, speed);
        _clock = after;
        return new StepMetrics(after.Steps, Stage.Name, after.Tokens, sequences, length, rate, loss, report, norm, speed, Stopwatch.GetElapsedTime(started).TotalSeconds);
    }

    private BatchReport Accumulate(ObjectiveFactors factors, int length, int beyond, CancellationToken cancellation)
    {
        JsonObject place = _rows.Save();
        int row = length + beyond, held = 0;
        int[] tokens = new int[SequencesACall * row], documents = new int[tokens.Length];
        (int first, int end) = _ranks.Part(factors.Sequences);
        BatchReport? mine = null;

        // Every rank goes through all rows, so that all stand at the same place of the data.
        for (int i = 0; i < factors.Sequences && !cancellation.IsCancellationRequested; i++)
        {
            _rows.Fill(tokens.AsSpan(held * row, row), documents.AsSpan(held * row, row), beyond);
            if (i < first || i >= end || (++held < SequencesACall && i + 1 < end)) continue;
            BatchReport part = Session.Accumulate(tokens.AsSpan(0, held * row), held, factors, _recipe.Data.MasksDocuments ? documents.AsSpan(0, held * row) : default);
            mine = mine is null ? part : mine.Add(part);
            held = 0;
        }

        // One rank that is told to stop stops all; the rows of a step that is not finished are given again.
        if (_ranks.Add(Session, mine, cancellation.IsCancellationRequested) is { } report) return report;
        _rows.Restore(place);
        throw new OperationCanceledException(cancellation);
    }

    private SinterException NotFinite(string what)
    {
        string? place = null, mine = NonFinite.Find(Session)?.Text;
        for (int rank = 0; rank < _ranks.Size; rank++) place ??= _ranks.Tell(rank, mine);
        string where = place is null ? "no tensor has a number that is not finite, so it came of the data or of too large a rate" : $"it shows in {place}";
        string last = _checkpoints.Last is { } good ? $"the last good checkpoint is {good}. Resume from there" : "there is no checkpoint yet. Start again";
        return new SinterException($"Step {_clock.Steps + 1}: {what}; {where}; {last} with a lower rate.");
    }

    private void Validate(MetricsLog? log, bool isInTurn = true)
    {
        if (_options.ValidationRows == 0 && _plateau is null) return;
        _validationRows ??= ValidationRows.Cut(_validation ?? _store, _marks, _validation is null ? _recipe.Data.HeldOut : 1, Stage.Length, 1 + Session.Depth, _options.ValidationRows);
        if (_validationRows.Count == 0)
        {
            if (_options.ValidationRows > 0 && _validation is not null)
                throw new SinterException($"The text to validate on is too short for a row of {Stage.Length + 1 + Session.Depth} tokens; give more of it, or none.");
            if (_plateau is null) return;
            throw new SinterException("The adaptive rate looks at the validation loss, and there is too little text to validate on: give --validate, or hold out more documents.");
        }

        BatchReport report = _validationRows.Evaluate(Session, _recipe.Data.MasksDocuments, _ranks);
        var validation = new Validation(_clock.Steps, _clock.Tokens, report.Main, report.Prediction);
        log?.Add(validation);
        if (Writes) _observer.Validated(validation);
        if (isInTurn) _plateau?.Observe(report.Main);
    }

    private TimeSpan? Remaining(TimeSpan passed, TrainingClock done)
    {
        TrainingClock within = _clock.Since(_stageStart);
        bool isLast = _stage + 1 == _recipe.Stages.Count;
        double[] parts =
        [
            Part(_options.Steps - _clock.Steps, done.Steps), Part(_options.Tokens - _clock.Tokens, done.Tokens),
            isLast ? Part(Stage.Steps - within.Steps, done.Steps) : double.NaN, isLast ? Part(Stage.Tokens - within.Tokens, done.Tokens) : double.NaN,
        ];
        return parts.Where(part => !double.IsNaN(part)).DefaultIfEmpty(double.NaN).Min() is double left and >= 0 ? passed * left : null;

        static double Part(long? left, long done) => left is { } some && done > 0 ? (double)some / done : double.NaN;
    }
}
