namespace Sinter.Devices;

/// <summary>A compiled model's list of launches: generated code derives from it. It holds the kernels that one device has loaded.</summary>
public abstract class DeviceProgram
{
    /// <summary>Queues the step through the main model; nothing waits for it to be done.</summary>
    public abstract void Forward(DevicePass pass);

    /// <summary>Queues multi-token prediction from <see cref="DevicePass.Hidden"/>.</summary>
    public abstract void Predict(DevicePass pass);

    /// <summary>
    /// Whether the step's launches are those of any other with as many tokens, sequences and rows of logits, however far its
    /// sequences are: so it is where attention runs absorbed, as it has no rows over positions.
    /// </summary>
    public abstract bool IsRepeatable(DevicePass pass);

    /// <summary>Queues a whole step: the program's launches and, where the device chooses the tokens, the choice.</summary>
    internal void Run(DevicePass pass, bool isPrediction)
    {
        if (isPrediction) Predict(pass);
        else Forward(pass);
        if (pass.LogitRowCount > 0) pass.Choice?.Choose(pass.Logits, pass.LogitRowCount);
    }
}
