using System.Collections.Generic;
using System.Linq;
using System.Text.Json.Nodes;
using Sinter.Runtime.Training.Schedules;

namespace Sinter.Runtime.Training.Runs;

/// <summary>The recipe's schedules as time passes.</summary>
internal sealed class RunSchedules(TrainingRecipe recipe)
{
    private readonly Dictionary<string, RunningSchedule> _weights = recipe.Weights.ToDictionary(entry => entry.Key, entry => new RunningSchedule(entry.Value));

    public RunningSchedule Rate { get; } = new(recipe.Rate);

    public RunningSchedule Batch { get; } = new(recipe.Batch);

    public RunningSchedule BiasSpeed { get; } = new(recipe.BiasSpeed);

    public double At(ScheduledWeight weight, TrainingClock before, TrainingClock after) =>
        weight.Schedules.Aggregate(weight.Factor, (product, name) => product * _weights[name].At(before, after));

    public JsonObject Save() => new(All().Select(entry => KeyValuePair.Create(entry.Name, (JsonNode?)entry.Schedule.Save())));

    /// <summary>A schedule that the saved run had not begins with the first phase.</summary>
    public void Restore(JsonObject state)
    {
        foreach ((string name, RunningSchedule schedule) in All())
            if (state[name] is JsonObject saved) schedule.Restore(saved);
    }

    private IEnumerable<(string Name, RunningSchedule Schedule)> All() =>
        _weights.Select(entry => (entry.Key, entry.Value)).Concat([("rate", Rate), ("batch", Batch), ("balance", BiasSpeed)]);
}
