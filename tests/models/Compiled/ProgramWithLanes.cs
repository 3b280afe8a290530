using System.Reflection;
using Sinter.Runtime.Execution;

namespace Sinter.Models.Tests.Compiled;

/// <summary>A compiled program made to run with lanes of another width than it would choose on this machine.</summary>
/// <param name="lanes">A type of the runtime's lanes, which the program's kernels are generic over.</param>
internal sealed class ProgramWithLanes(ModelProgram program, System.Type lanes) : ModelProgram
{
    private readonly Work _forward = program.GetType()
        .GetMethod(nameof(Forward), BindingFlags.NonPublic | BindingFlags.Static)!
        .MakeGenericMethod(lanes).CreateDelegate<Work>();

    private delegate void Work(ref readonly Pass pass, in Worker worker);

    public override ModelDescription Description => program.Description;

    public override void Forward(ref readonly Pass pass, in Worker worker) => _forward(in pass, in worker);

    public override void Predict(ref readonly Pass pass, in Worker worker) => program.Predict(in pass, in worker);
}
