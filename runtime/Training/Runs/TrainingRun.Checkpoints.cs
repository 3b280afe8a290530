using System;
using System.IO;
using System.Linq;
using Sinter.Runtime.Training.Ranks;
using Sinter.Runtime.Training.Schedules;

namespace Sinter.Runtime.Training.Runs;

/// <summary>How a run is saved and resumed.</summary>
public sealed partial class TrainingRun
{
    private void Save()
    {
        if (_saved == _clock) return;
        _saved = _clock;
        if (!Writes)
        {
            SessionState.Contribute(Session);
            return;
        }

        var state = new RunState(
            _options.Seed, _clock, Session.Steps, Stage.Name, _stageStart, _rows.Save(), _schedules.Save(), _plateau?.Save(),
            RunState.Texts(_model!.Config), _store.Tokenizer, _store.Sources);
        string path = _checkpoints.Save(_clock.Steps, folder =>
        {
            PublishedModel.Write(folder, Session, _model.Config, _options.TokenizerFolder);
            SessionState.Save(folder, Session);
            state.Save(folder);
        });
        _observer.Saved(path);
    }

    private void Resume()
    {
        // The first rank puts damaged ones aside, and all go on from the same.
        if (_ranks.Tell(0, Writes ? _checkpoints.Newest(_observer.Warned) : null) is not { } path)
            throw new SinterException($"{_options.Folder} holds no checkpoint to resume from; start without --resume.");
        RunState state = RunState.Load(path);
        if (state.Seed != _options.Seed) throw new SinterException($"{path} was begun with the seed {state.Seed}, not {_options.Seed}; resume with the same seed.");
        int stage = _recipe.Stages.Select((known, i) => (known, i)).Where(entry => entry.known.Name == state.Stage).Select(entry => entry.i).DefaultIfEmpty(-1).First();
        _clock = state.Clock;
        Enter(Math.Max(stage, 0), isNew: true);
        state.RequireSame(path, RunState.Texts(_model!.Config), _store);
        SessionState.Load(path, Session);
        Session.Steps = state.SessionSteps;
        _schedules.Restore(state.Schedules);
        if (state.Plateau is not null) _plateau?.Restore(state.Plateau);
        _rows.Restore(state.Data);

        // A stage that the saved run was not in begins here, with its own mixture.
        if (stage >= 0) _stageStart = state.StageStart;
        else _rows.Mix(Stage.Mixture ?? _recipe.Data.Mixture);
        _saved = _clock;
    }
}
